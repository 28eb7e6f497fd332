// The connections of a server: their timeouts and their shutdown.
import { createServer, STATUS_CODES } from 'node:http';
import { Server as NetServer } from 'node:net';

const refusals = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'Expected the whole request sooner' },
  HPE_HEADER_OVERFLOW: { status: 431, text: 'Expected shorter headers' },
  default: { status: 400, text: 'Expected an HTTP request' },
};

export class Connections {
  #limits;
  #servers = [];
  /** The unanswered requests of each socket, oldest first, and the time of its last answer. */
  #sockets = new Map();
  #draining = false;

  constructor(limits) {
    this.#limits = limits;
  }

  get pendingRequests() {
    let count = 0;
    for (const { pending } of this.#sockets.values()) count += pending.length;
    return count;
  }

  /** An HTTP server that enforces the limits, for Fastify's `serverFactory`. */
  createServer(handler) {
    const { requestMs, headersMs, checkMs, keepAliveMs } = this.#limits;
    const server = createServer(
      {
        requestTimeout: requestMs,
        headersTimeout: Math.min(headersMs, requestMs),
        connectionsCheckingInterval: checkMs,
        keepAliveTimeout: keepAliveMs,
      },
      (request, response) => {
        this.#begin(request, response);
        handler(request, response);
      },
    );
    server.on('connection', (socket) => {
      const state = { pending: [], idleSince: Date.now() };
      this.#sockets.set(socket, state);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        for (const entry of [...state.pending]) this.#end(state, entry);
      });
    });
    this.#servers.push(server);
    return server;
  }

  /** Answers an unreadable or late request and ends its connection, as Fastify's `clientErrorHandler`. */
  refuse(error, socket) {
    const { pending, request } = this.#sockets.get(socket) ?? { pending: [] };
    const answered =
      pending.some(({ response }) => response.headersSent) ||
      (pending.length === 0 && request?.complete === false);
    if (error.code === 'ECONNRESET' || !socket.writable || answered) {
      socket.destroy();
      return;
    }
    const { status, text } = refusals[error.code] ?? refusals.default;
    const body = JSON.stringify({ error: text });
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${body.length}\r\n\r\n${body}`,
      () => socket.destroy(),
    );
  }

  /** Whether an answer is the last one on its connection, so that it must announce the end. */
  isLast(request, response) {
    // Not response.socket, which is null while an earlier answer is pending.
    return this.#draining && this.#sockets.get(request.socket)?.pending.at(-1)?.response === response;
  }

  /**
   * Accepts no new connections, answers requests on open ones, and closes each after its last answer. Requests that are
   * unanswered shortly before the deadline get 503; connections that remain open after that are destroyed.
   * @returns The number of destroyed connections.
   */
  async drain() {
    this.#draining = true;
    const { shutdownMs, lastWordsMs, quietMs } = this.#limits;
    const ended = Promise.all(this.#servers.map(stopListening));
    const sweep = setInterval(() => this.#closeQuiet(), Math.max(10, quietMs / 4));
    const apologize = setTimeout(() => this.#answerAll(), Math.max(0, shutdownMs - lastWordsMs));
    let cut = 0;
    const deadline = setTimeout(
      () => {
        cut = this.#sockets.size;
        for (const socket of this.#sockets.keys()) socket.destroy();
      },
      shutdownMs - lastWordsMs / 2,
    );
    // Connections that have never sent anything are closed immediately.
    for (const socket of this.#sockets.keys()) if (socket.bytesRead === 0) socket.destroy();
    await ended;
    clearInterval(sweep);
    clearTimeout(apologize);
    clearTimeout(deadline);
    return cut;
  }

  /** Calls back when an answer has been sent or its connection has ended. Unlike Node's events, this covers answers that
   * wait for earlier ones. */
  onEnd(request, response, callback) {
    const entry = this.#entryOf(request, response);
    if (entry !== undefined) entry.callbacks.push(callback);
    else for (const event of ['finish', 'close']) response.once(event, callback); // from app.inject
  }

  #entryOf(request, response) {
    const state = this.#sockets.get(request.socket);
    return state?.pending.find((entry) => entry.response === response);
  }

  #begin(request, response) {
    const state = this.#sockets.get(request.socket);
    state.request = request;
    const entry = { response, callbacks: [] };
    state.pending.push(entry);
    response.once('close', () => this.#end(state, entry));
  }

  #end(state, entry) {
    const place = state.pending.indexOf(entry);
    if (place < 0) return;
    state.pending.splice(place, 1);
    state.idleSince = Date.now();
    for (const callback of entry.callbacks) callback();
  }

  /** Closes connections that have been idle for a while: busy clients would have sent another request. */
  #closeQuiet() {
    const before = Date.now() - this.#limits.quietMs;
    for (const [socket, { pending, idleSince }] of this.#sockets) {
      if (pending.length === 0 && idleSince <= before) socket.destroy();
    }
  }

  #answerAll() {
    const body = JSON.stringify({ error: 'The server is shutting down' });
    for (const [, { pending }] of this.#sockets) {
      for (const { response } of pending) {
        if (response.headersSent) continue;
        const last = response === pending.at(-1).response ? { connection: 'close' } : {};
        response.writeHead(503, {
          'content-type': 'application/json',
          'content-length': body.length,
          ...last,
        });
        response.end(body);
      }
    }
  }
}

/** Closes without the side effects of http.Server.close, which resets connections whose next request has just arrived
 * and stops checking timeouts. */
function stopListening(server) {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
