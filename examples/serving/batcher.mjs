// Batches requests that arrive together: one pass over the weights computes all of them.
import { CLASSES, PIXELS } from './network.mjs';

/** Maximum number of images in one pass: larger batches are no faster per image. */
const MAX_IMAGES = 64;

export class Batcher {
  #model;
  #onBatch;
  #waiting = [];

  /** @param onBatch Called with the number of images in each pass. */
  constructor(model, onBatch) {
    this.#model = model;
    this.#onBatch = onBatch;
  }

  /** @param pixels count * PIXELS bytes. */
  infer(pixels, count) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pixels, count, resolve, reject });
      // After all requests that have arrived were read.
      if (this.#waiting.length === 1) setImmediate(() => this.#computeAll());
    });
  }

  #computeAll() {
    const waiting = this.#waiting;
    this.#waiting = [];
    let begin = 0;
    while (begin < waiting.length) {
      let end = begin + 1;
      let count = waiting[begin].count;
      while (end < waiting.length && count + waiting[end].count <= MAX_IMAGES) {
        count += waiting[end++].count;
      }
      this.#compute(waiting.slice(begin, end), count);
      begin = end;
    }
  }

  #compute(requests, count) {
    try {
      const pixels = new Uint8Array(count * PIXELS);
      let at = 0;
      for (const request of requests) {
        pixels.set(request.pixels, at);
        at += request.pixels.length;
      }
      const { version, probabilities } = this.#model.infer(pixels, count);
      this.#onBatch(count);
      let first = 0;
      for (const request of requests) {
        const length = request.count * CLASSES;
        request.resolve({ version, probabilities: probabilities.subarray(first, first + length) });
        first += length;
      }
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  }
}
