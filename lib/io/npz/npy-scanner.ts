import type { NumberType } from '../files/number-type.js';
import { elementCount } from '../../core/shape.js';
import { type Fail, maxHeaderBytes, npyNumberType, type NpyLayout, parseLayout } from './npy-header.js';

/** Receives an array piece by piece, in the order of the file. */
export interface NpyVisitor {
  /** @param type Undefined if the values are not numbers but text, records or complex numbers. */
  begin(layout: NpyLayout, type: NumberType | undefined): void;
  /** Receives the next values; `bytes` holds a whole number of them. Never called if they are not numbers. */
  values(bytes: Uint8Array, type: NumberType): void;
}

/** Maximum number of bytes from which the header can be parsed. */
const maxHeadBytes = 12 + maxHeaderBytes;

/**
 * Scans an array of any size in little memory: it keeps at most the bytes of an unfinished header or value.
 */
export class NpyScanner {
  readonly #visitor: NpyVisitor;
  readonly #size: number;
  readonly #fail: Fail;
  /** Bytes received but not visited yet: the head of the file, later a part of a value. */
  #rest: Buffer = Buffer.alloc(0);
  #type: NumberType | undefined;
  #begun = false;
  /** Number of bytes of values still to come. */
  #missing = 0;

  /** @param size Size of the whole file in bytes. */
  constructor(visitor: NpyVisitor, size: number, fail: Fail) {
    this.#visitor = visitor;
    this.#size = size;
    this.#fail = fail;
  }

  push(piece: Buffer): void {
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    if (!this.#begun) {
      if (this.#rest.length < Math.min(maxHeadBytes, this.#size)) {
        // The caller may reuse the piece's memory.
        if (this.#rest === piece) this.#rest = Buffer.from(piece);
        return;
      }
      this.#begin();
    }
    this.#visit();
  }

  /** Checks that the array is complete. */
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
      // Check the size before the visitor allocates memory for the values.
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
