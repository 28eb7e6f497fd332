import type { NumberType } from '../files/number-type.js';
import { elementCount } from '../../core/shape.js';
import { type Fail, maxHeaderBytes, npyNumberType, type NpyLayout, parseLayout } from './npy-header.js';

/** Takes an array piece by piece, in the order of the file. */
export interface NpyVisitor {
  /** @param type Undefined where the values are no numbers: text, records, complex numbers. */
  begin(layout: NpyLayout, type: NumberType | undefined): void;
  /** The next values, a whole number of them; never called where they are no numbers. */
  values(bytes: Uint8Array, type: NumberType): void;
}

/** The longest beginning of a file that is needed to know its header. */
const longestHead = 12 + maxHeaderBytes;

/** Goes through an array of any size with little memory: nothing is kept except what one piece leaves over. */
export class NpyScanner {
  readonly #visitor: NpyVisitor;
  readonly #size: number;
  readonly #fail: Fail;
  /** What came and is not visited yet: the head of the file, later part of a value. */
  #rest: Buffer = Buffer.alloc(0);
  #type: NumberType | undefined;
  #begun = false;
  /** Bytes of values that are still to come. */
  #missing = 0;

  /** @param size Bytes of the whole file. */
  constructor(visitor: NpyVisitor, size: number, fail: Fail) {
    this.#visitor = visitor;
    this.#size = size;
    this.#fail = fail;
  }

  push(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    if (!this.#begun) {
      if (this.#rest.length < Math.min(longestHead, this.#size)) {
        // The caller may use the memory of the piece again.
        if (this.#rest === piece) this.#rest = Buffer.from(piece);
        return;
      }
      this.#begin();
    }
    this.#visit();
  }

  /** Checks that it was a whole array. */
  end(): void {
    if (!this.#begun) this.#begin();
    this.#visit();
    if (this.#missing > 0) this.#fail(`${this.#missing} more bytes of values`, 'none');
  }

  #begin(): void {
    const layout = parseLayout(this.#rest, this.#fail);
    this.#rest = this.#rest.subarray(layout.dataOffset);
    this.#type = npyNumberType(layout.descr);
    this.#begun = true;
    if (this.#type !== undefined) {
      // Before the visitor takes memory for them.
      this.#missing = elementCount(layout.shape) * this.#type.itemSize;
      const found = this.#size - layout.dataOffset;
      if (found !== this.#missing) this.#fail(`${this.#missing} bytes of values`, String(found));
    }
    this.#visitor.begin(layout, this.#type);
  }

  #visit(): void {
    const rest = this.#rest;
    if (this.#type === undefined) {
      this.#rest = Buffer.alloc(0);
      return;
    }
    const whole = rest.length - (rest.length % this.#type.itemSize);
    if (whole > this.#missing) this.#fail('the size that was announced', 'more bytes');
    if (whole > 0) this.#visitor.values(rest.subarray(0, whole), this.#type);
    this.#missing -= whole;
    this.#rest = Buffer.from(rest.subarray(whole));
  }
}
