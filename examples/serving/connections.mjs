// The connections of a server: how long they may take, and how they end.
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
  /** For each socket its requests without an answer, oldest first, and when the last one was answered. */
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

  /** An HTTP server whose clients are under the limits: for Fastify's `serverFactory`. */
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

  /** Answers a request that cannot be read, or is late, and ends its connection: Fastify's `clientErrorHandler`. */
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

  /** Whether an answer is the last one on its connection: the client is told before the connection ends. */
  isLast(request, response) {
    // Not response.socket: it has none while another answer goes first.
    return this.#draining && this.#sockets.get(request.socket)?.pending.at(-1)?.response === response;
  }

  /**
   * Accepts no new connections, answers requests on open ones, and closes each after its last answer.
   * What has no answer shortly before the deadline gets 503, and what still is connected after that is cut.
   * @returns How many were cut.
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
    // Who has said nothing at all is not asked.
    for (const socket of this.#sockets.keys()) if (socket.bytesRead === 0) socket.destroy();
    await ended;
    clearInterval(sweep);
    clearTimeout(apologize);
    clearTimeout(deadline);
    return cut;
  }

  /** Calls back when an answer is sent, or its connection has ended before: also one that waits behind another
   * answer, of which Node says nothing then. */
  onEnd(request, response, callback) {
    const entry = this.#entryOf(request, response);
    if (entry !== undefined) entry.callbacks.push(callback);
    else for (const event of ['finish', 'close']) response.once(event, callback); // of app.inject
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

  /** Closes connections without a request that have been so for a while: who is busy would have sent the next one. */
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

/** Without what http.Server.close does besides: it resets connections whose next request has just arrived, and stops
 * the search for those that are late. */
function stopListening(server) {
  return new Promise((resolve) => NetServer.prototype.close.call(server, () => resolve()));
}
