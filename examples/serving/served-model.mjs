// The weights that answer requests. Others take their place between two requests, never within one.
import { fold } from './batchnorm.mjs';
import { infer, makeNetwork, PIXELS } from './network.mjs';

export class ServedModel {
  /** Path of the checkpoint, or of any file that `network.save` wrote. */
  #path;
  /** The network and its version; undefined before the first weights. */
  #current;
  #version = 0;
  /** The reload under way, and the one that waits for its end. */
  #reloading;
  #next;

  constructor(path) {
    this.#path = path;
  }

  /** How many times weights have been loaded; 0 where there are none. */
  get version() {
    return this.#current?.version ?? 0;
  }

  get path() {
    return this.#path;
  }

  /**
   * Loads the file's weights into a network of their own, which then takes the place of the one that answers.
   * Where the file is broken, missing or of another network, the promise is rejected and the old one goes on.
   * Callers who come while one reload is under way share the next: the file may have changed since.
   */
  reload() {
    if (this.#reloading === undefined) {
      this.#reloading = this.#load().finally(() => {
        this.#reloading = undefined;
      });
      return this.#reloading;
    }
    this.#next ??= this.#reloading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.reload();
      });
    return this.#next;
  }

  async #load() {
    const trained = makeNetwork();
    await trained.load(this.#path);
    // Batch norm costs nothing from here on: it is in the weights of the convolutions.
    const network = fold(trained);
    // Once, before it counts: what cannot compute must not take over.
    infer(network, new Uint8Array(PIXELS), 1);
    this.#version++;
    this.#current = { network, version: this.#version };
    return this.#version;
  }

  /** Probabilities for so many images, all by the same weights, and which those were. */
  infer(pixels, count) {
    const { network, version } = this.#current;
    return { version, probabilities: infer(network, pixels, count) };
  }
}
