// The weights that answer requests. They are replaced between two requests, never during one.
import { infer, load, PIXELS } from './network.mjs';

export class ServedModel {
  /** The network, its version and its file; undefined before the first weights. */
  #current;
  #version = 0;
  /** The last requested reload, and the one that has not begun. */
  #last = Promise.resolve();
  #waiting;

  /** Number of times that weights were loaded; 0 if there are none. */
  get version() {
    return this.#current?.version ?? 0;
  }

  /** Path of the checkpoint of the current weights; undefined if there are none. */
  get file() {
    return this.#current?.file;
  }

  /**
   * Loads a file's weights into a new network, which then replaces the current one. Rejects and keeps the current one if
   * the file is damaged, missing or of another network. Calls during a reload share the next one, since the file may have
   * changed.
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
    // A trial pass, since a network that cannot compute must not replace the current one.
    infer(model, new Uint8Array(PIXELS), 1);
    this.#version++;
    this.#current = { model, version: this.#version, file };
    return this.#version;
  }

  /** Probabilities for `count` images, all computed by the same weights, and the version of these. */
  infer(pixels, count) {
    const { model, version } = this.#current;
    return { version, probabilities: infer(model, pixels, count) };
  }
}
