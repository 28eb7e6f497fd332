import { freshFloats } from '../backend/allocation.js';

/** In floats, as below. */
const firstBlock = (1024 * 1024) / Float32Array.BYTES_PER_ELEMENT;

/** The system provides blocks of at least 32 MB untouched; smaller ones may be memory that must be cleared. */
const nextBlock = (64 * 1024 * 1024) / Float32Array.BYTES_PER_ELEMENT;

/** Arrays begin at cache lines, as those of tensors do. */
const alignment = 16;

/**
 * Memory for the tensors of a capture. Nothing computes in it, so that most of its pages are never touched: arrays are parts
 * of large blocks, which the system provides without clearing them before their first use.
 */
export class CaptureMemory {
  #block: Float32Array | undefined;
  /** Floats of the block that are in use. */
  #used = 0;

  /**
   * An array that shares no element, and no place if it is empty, with another one.
   * @throws RangeError if there is too little memory.
   */
  allocate(length: number): Float32Array {
    const needed = Math.ceil(Math.max(length, 1) / alignment) * alignment;
    if (this.#block === undefined || this.#used + needed > this.#block.length) {
      const size = Math.max(needed, this.#block === undefined ? firstBlock : nextBlock);
      this.#block = freshFloats('a tensor', size);
      this.#used = 0;
    }
    const array = this.#block.subarray(this.#used, this.#used + length);
    this.#used += needed;
    return array;
  }
}
