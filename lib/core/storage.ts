import { type Argument, named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { detached, plainError } from '../validation/errors.js';
import { formatShape, type Shape } from './shape.js';
import { discard, isBlock, type Memory, storagePool, valuesOf } from './storage-pool.js';
import { freshFloats } from '../backend/allocation.js';

const nothing = new Float32Array(0);

/**
 * The values of one or more tensors, with a count of their holders. When the last one releases it, the memory returns to
 * the pool, unless a user has taken `.data`.
 */
export class Storage {
  #values: Float32Array;
  /** Where the values are: an array of JavaScript itself, or memory of the backend. */
  #memory: Memory;
  /** Original length, to detect that a user has transferred the buffer. */
  readonly #length: number;
  /** Shape of the tensor whose `.data` a user has taken. */
  #shape: Shape | undefined;
  /** The value of every element while there is no memory for them. */
  #constant: Float32Array | undefined;
  #holders = 1;
  #recyclable: boolean;
  #hidden = false;

  /** Number of in-place changes, by which a graph detects that a saved value has changed. */
  version = 0;

  /** Name for messages, such as `scale of BatchNorm2D`. */
  label: string | undefined;

  /** The module that has these values in a field, once its tensors were listed. */
  owner: object | undefined;

  private constructor(memory: Memory, recyclable: boolean, shape: Shape | undefined, length = memory.length) {
    this.#memory = memory;
    this.#values = valuesOf(memory);
    this.#length = length;
    this.#recyclable = recyclable;
    this.#shape = shape;
    if (isBlock(memory)) memory.holder = this;
  }

  /** Memory from the pool, with arbitrary contents. */
  static take(length: number): Storage {
    return new Storage(storagePool.takeMemory(length), true, undefined);
  }

  /**
   * Equal values, such as the gradient of a sum. They take no memory before something reads `values`; an operation that
   * reads `compact` needs only one of them. On a backend whose memory may grow they take memory at once: growth empties
   * the views that an operation has already read.
   */
  static constant(length: number, value: number): Storage {
    if (backend.blocks !== undefined) {
      const filled = Storage.take(length);
      backend.fill(length, value, filled.named('y'));
      return filled;
    }
    const storage = new Storage(nothing, true, undefined, length);
    storage.#constant = freshFloats('a gradient', 1);
    storage.#constant[0] = value;
    return storage;
  }

  /** A user's own array, which never enters the pool. */
  static adopt(values: Float32Array, shape: Shape): Storage {
    return new Storage(values, false, shape);
  }

  /**
   * The live values, for use inside the library only.
   * @throws TypeError if a user has transferred them.
   */
  get values(): Float32Array {
    const values = this.#values;
    // The check of isDetached, repeated here because V8 inlines a limited amount of code into each operation.
    return values.length === this.#length ? values : this.#renewed();
  }

  /** The live values, or one of them if all are known to be equal. */
  get compact(): Float32Array {
    return this.#constant ?? this.values;
  }

  /** Whether all values are known to be equal. */
  get isConstant(): boolean {
    return this.#constant !== undefined;
  }

  /** The live values, for the argument `Name` of an operation. @throws TypeError if a user has transferred them. */
  named<Name extends string>(_name: Name): Argument<Name> {
    const values = this.#values;
    return (values.length === this.#length ? values : this.#renewed()) as Argument<Name>;
  }

  /**
   * The live values for a user. They are never recycled from now on, so that the user's view cannot show another
   * tensor's values. Values in memory of the backend move to an array of JavaScript, because a view of that memory
   * would become empty when it grows.
   * @throws RangeError if there is no memory for such an array.
   */
  expose(shape: Shape): Float32Array {
    this.requireAttached();
    if (this.#hidden) {
      throw plainError(
        'ERR_BATCHNORM_BUSY',
        'Expected a tensor of your own for .data, but a plan computes with this one',
      );
    }
    this.#shape = shape;
    this.moveToArray();
    this.#recyclable = false;
    return this.#values;
  }

  /**
   * Moves values in memory of the backend to an array of JavaScript, which stays valid when that memory grows.
   * @throws RangeError if there is no memory for such an array.
   */
  moveToArray(): void {
    // Asked for first: equal values receive their memory then.
    const { values } = this;
    if (!isBlock(this.#memory)) return;
    const array = freshFloats('the data of a tensor', this.#length);
    array.set(values);
    discard(this.#memory);
    this.#memory = array;
    this.#values = array;
  }

  /**
   * Makes the values inaccessible to users from now on, because other threads read them.
   * @returns False if that is impossible: a user has taken `.data`, or the array is a user's.
   */
  hide(): boolean {
    this.#hidden = this.#recyclable;
    return this.#hidden;
  }

  /** Whether a user has transferred the values. */
  get isDetached(): boolean {
    // The length of a detached array is 0.
    return this.#values.length !== this.#length && !isBlock(this.#memory) && this.#constant === undefined;
  }

  /**
   * The values after the memory of the backend has grown, or after memory was taken for equal values.
   * @throws TypeError if a user has transferred them.
   */
  #renewed(): Float32Array {
    this.requireAttached();
    if (this.#constant !== undefined) {
      this.#memory = storagePool.takeMemory(this.#length);
      if (isBlock(this.#memory)) this.#memory.holder = this;
      backend.fill(this.#length, this.#constant[0], named('y', valuesOf(this.#memory)));
      this.#constant = undefined;
    }
    this.#values = valuesOf(this.#memory);
    return this.#values;
  }

  /** @internal The values are looked up again at their next use. */
  dropView(): void {
    this.#values = nothing;
  }

  /** @throws TypeError if a user has transferred the values. */
  requireAttached(): void {
    if (!this.isDetached) return;
    const shape = this.#shape ?? [this.#length];
    throw detached(this.label ?? `the tensor of shape ${formatShape(shape)}`);
  }

  /** Whether the memory returns to the pool: no user has taken `.data`, and the array is not a user's. */
  get isRecyclable(): boolean {
    return this.#recyclable;
  }

  /** Whether there is only one holder. */
  get unshared(): boolean {
    return this.#holders === 1;
  }

  retain(): this {
    this.requireAttached();
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    if (this.#recyclable) storagePool.give(this.#memory);
    this.#recyclable = false;
  }
}
