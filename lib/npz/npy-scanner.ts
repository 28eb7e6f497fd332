import { elementCount } from '../tensor/shape.js';
import {
  type Fail,
  floatType,
  maxHeaderBytes,
  type NpyFloat,
  type NpyLayout,
  parseLayout,
} from './npy-header.js';
import { decodeFloats } from './npy-values.js';

/** Takes the values of an array piece by piece, in the order of the file. */
export interface NpyVisitor {
  begin(layout: NpyLayout): void;
  /** Where the values are float32 or float64; values of other types are passed over. */
  values(values: Float64Array | Float32Array): void;
}

/** The longest beginning of a file that is needed to know its header. */
const longestHead = 12 + maxHeaderBytes;

/** Goes through an array of any size with little memory: nothing is kept but what one piece leaves over. */
export class NpyScanner {
  readonly #visitor: NpyVisitor;
  readonly #fail: Fail;
  /** What came and is not visited yet: the head of the file, later part of a value. */
  #rest: Buffer = Buffer.alloc(0);
  #layout: NpyLayout | undefined;
  #type: NpyFloat | undefined;
  #count = 0;

  constructor(visitor: NpyVisitor, fail: Fail) {
    this.#visitor = visitor;
    this.#fail = fail;
  }

  push(piece: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, piece]);
    if (this.#layout !== undefined || this.#rest.length >= longestHead) this.#visit();
  }

  /** Checks that it was a whole array. */
  end(): void {
    this.#visit();
    if (this.#layout === undefined || this.#type === undefined) return;
    const { itemSize } = this.#type;
    const expected = elementCount(this.#layout.shape) * itemSize;
    const found = this.#count * itemSize + this.#rest.length;
    if (found !== expected) this.#fail(`${expected} bytes of values`, String(found));
  }

  #visit(): void {
    if (this.#layout === undefined) {
      this.#layout = parseLayout(this.#rest, this.#fail);
      this.#type = floatType(this.#layout.descr);
      this.#rest = this.#rest.subarray(this.#layout.dataOffset);
      this.#visitor.begin(this.#layout);
    }
    if (this.#type === undefined) {
      this.#rest = Buffer.alloc(0);
      return;
    }
    const { itemSize } = this.#type;
    const whole = Math.floor(this.#rest.length / itemSize);
    if (whole > 0) {
      this.#visitor.values(decodeFloats(this.#rest.subarray(0, whole * itemSize), this.#type));
    }
    this.#count += whole;
    this.#rest = this.#rest.subarray(whole * itemSize);
  }
}
