// The weights that answer requests. Others take their place between two requests, never within one.
import { infer, load, PIXELS } from './network.mjs';

export class ServedModel {
  /** The network, its version and its file; undefined before the first weights. */
  #current;
  #version = 0;
  /** The last reload that was asked for, and the one that has not begun. */
  #last = Promise.resolve();
  #waiting;

  /** How many times weights have been loaded; 0 where there are none. */
  get version() {
    return this.#current?.version ?? 0;
  }

  /** Path of the checkpoint whose weights these are; undefined where there are none. */
  get file() {
    return this.#current?.file;
  }

  /**
   * Loads a file's weights into a network of their own, which then takes the place of the one that answers.
   * Where the file is broken, missing or of another network, the promise is rejected and the old one goes on.
   * Callers who come while one reload is under way share the next: the file may have changed since.
   */
  reload(file) {
    if (this.#waiting?.file !== file) {
      const waiting = { file };
      waiting.promise = this.#last
        .catch(() => undefined)
        .then(() => {
          if (this.#waiting === waiting) this.#waiting = undefined;
          return this.#load(file);
        });
      this.#waiting = waiting;
      this.#last = waiting.promise;
    }
    return this.#waiting.promise;
  }

  async #load(file) {
    const model = await load(file);
    // Once, before it counts: what cannot compute must not take over.
    infer(model, new Uint8Array(PIXELS), 1);
    this.#version++;
    this.#current = { model, version: this.#version, file };
    return this.#version;
  }

  /** Probabilities for so many images, all by the same weights, and which those were. */
  infer(pixels, count) {
    const { model, version } = this.#current;
    return { version, probabilities: infer(model, pixels, count) };
  }
}
