// Server-sent events for the page: the state of the training, its curve, and the weights in use.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import { Busy } from './budget.mjs';

/** Milliseconds between two events of one stream. */
const INTERVAL = 250;
/** Milliseconds after which an idle stream gets a comment, by which proxies and servers notice closed connections. */
const IDLE = 15_000;
/** Bytes that a slow client may leave unread before its stream is closed; browsers connect again. */
const MAX_UNREAD = 256 * 1024;

export class TrainingEvents {
  #training;
  #weights;
  #maxStreams;
  #streams = new Set();
  #timer;
  #closed = false;

  /**
   * @param training A Trainer.
   * @param weights Returns the version and the file of the weights in use.
   */
  constructor(training, weights, maxStreams) {
    this.#training = training;
    this.#weights = weights;
    this.#maxStreams = maxStreams;
  }

  /** Number of open streams. */
  get count() {
    return this.#streams.size;
  }

  /**
   * Answers a request with a stream of events.
   * @param response Of node:http.
   * @throws Busy if there are too many streams.
   */
  open(response) {
    if (this.#streams.size >= this.#maxStreams) {
      throw new Busy(`Expected at most ${this.#maxStreams} streams of events but there are more`);
    }
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would collect events otherwise.
      'x-accel-buffering': 'no',
    });
    const stream = { response, sent: '', rows: 0, generation: -1, time: 0 };
    this.#streams.add(stream);
    response.once('close', () => this.#end(stream));
    this.#send(stream);
    if (this.#closed) response.end();
    else this.#timer ??= setInterval(() => this.#sendAll(), INTERVAL);
  }

  /** Ends all streams, and later ones after their first event. */
  close() {
    this.#closed = true;
    for (const { response } of this.#streams) response.end();
  }

  #end(stream) {
    this.#streams.delete(stream);
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sendAll() {
    for (const stream of this.#streams) this.#send(stream);
  }

  /** Sends what has changed. */
  #send(stream) {
    const { response } = stream;
    if (response.writableLength > MAX_UNREAD) {
      response.destroy();
      return;
    }
    const { curve, status } = this.#training;
    const from = stream.generation === curve.generation ? stream.rows : 0;
    const state = JSON.stringify({ training: status, weights: this.#weights() });
    const now = Date.now();
    if (stream.generation === curve.generation && from === curve.rows.length && state === stream.sent) {
      if (now - stream.time < IDLE) return;
      response.write(':\n\n');
    } else {
      const rows = JSON.stringify({ from, rows: curve.rows.slice(from) });
      response.write(`data: ${state.slice(0, -1)},"curve":${rows}}\n\n`);
    }
    Object.assign(stream, { sent: state, rows: curve.rows.length, generation: curve.generation, time: now });
  }
}
