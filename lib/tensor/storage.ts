import { storagePool } from './storage-pool.js';

/**
 * The values of one or more tensors, counted by their holders: when the last one releases it, the
 * memory goes back to the pool, unless a user has seen it.
 */
export class Storage {
  #values: Float32Array;
  #holders = 1;
  #recyclable: boolean;

  /** Counts changes in place, so that a graph notices that what it saved is no longer what it was. */
  version = 0;

  /** What a message calls these values, such as `scale of BatchNorm2D`. */
  label: string | undefined;

  private constructor(values: Float32Array, recyclable: boolean) {
    this.#values = values;
    this.#recyclable = recyclable;
  }

  /** Memory from the pool with arbitrary content. */
  static take(length: number): Storage {
    return new Storage(storagePool.take(length), true);
  }

  /** A user's own array, which never goes to the pool. */
  static adopt(values: Float32Array): Storage {
    return new Storage(values, false);
  }

  /** The live values, for use inside the library only. */
  get values(): Float32Array {
    return this.#values;
  }

  /** The live values, for a user: from now on they are never recycled, so that a view cannot show
   * memory that was handed out again. */
  expose(): Float32Array {
    this.#recyclable = false;
    return this.#values;
  }

  /** Whether one holder has these values for itself. */
  get unshared(): boolean {
    return this.#holders === 1;
  }

  retain(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    if (this.#recyclable) storagePool.give(this.#values);
    this.#recyclable = false;
  }
}
