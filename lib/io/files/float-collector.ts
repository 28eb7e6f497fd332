import { freshFloats } from '../../backend/allocation.js';
import { elementCount, type Shape } from '../../core/shape.js';
import { decodeFloat32, decodeNumbers } from './decode-numbers.js';
import type { NumberType } from './number-type.js';

/** Reports what is wrong with a file; never returns. */
export type Fail = (expected: string, found: string) => never;

/** Collects the values of a tensor, given piece by piece in the file's order, as row-major float32. */
export class FloatCollector {
  readonly values: Float32Array;
  readonly #shape: Shape;
  readonly #fortranOrder: boolean;
  readonly #fail: Fail;
  #count = 0;

  /**
   * @param what Name of the values in the error if there is no memory for them.
   * @param fortranOrder Whether neighbors in the file differ in their first index rather than in their last.
   * @throws RangeError if the memory cannot be allocated.
   */
  constructor(what: string, shape: Shape, fortranOrder: boolean, fail: Fail) {
    this.values = freshFloats(what, elementCount(shape));
    this.#shape = shape;
    // With one axis both orders are the same.
    this.#fortranOrder = fortranOrder && shape.length > 1;
    this.#fail = fail;
  }

  /**
   * Adds the next values; `bytes` holds a whole number of them. Fails for a float64 that is finite but too
   * large for a float32.
   */
  add(bytes: Uint8Array, type: NumberType): void {
    const begin = this.#count;
    const count = bytes.length / type.itemSize;
    this.#count += count;
    if (type.kind === 'float' && type.itemSize === 8) {
      const values = decodeNumbers(bytes, type);
      this.#requireRange(values, begin);
      this.#place(values, begin);
    } else if (this.#fortranOrder) {
      const values = new Float32Array(count);
      decodeFloat32(bytes, type, values, 0);
      this.#place(values, begin);
    } else {
      decodeFloat32(bytes, type, this.values, begin);
    }
  }

  #place(values: Float32Array | Float64Array, begin: number): void {
    if (!this.#fortranOrder) {
      this.values.set(values, begin);
      return;
    }
    for (let i = 0; i < values.length; i++) {
      this.values[rowMajorIndex(begin + i, this.#shape)] = values[i];
    }
  }

  #requireRange(values: Float32Array | Float64Array, begin: number): void {
    const wrong = values.findIndex((v) => Number.isFinite(v) && !Number.isFinite(Math.fround(v)));
    if (wrong < 0) return;
    const index = this.#fortranOrder ? rowMajorIndex(begin + wrong, this.#shape) : begin + wrong;
    this.#fail('values in the range of float32', `${values[wrong]} at ${index}`);
  }
}

/** The row-major index of the element that has index `index` in Fortran order (first axis fastest). */
function rowMajorIndex(index: number, shape: Shape): number {
  let rest = index;
  let result = 0;
  for (const size of shape) {
    result = result * size + (rest % size);
    rest = Math.floor(rest / size);
  }
  return result;
}
