import { PbfReader } from 'pbf';
import type { Fail } from '../../io/files/float-collector.js';

// Wire types of protocol buffers.
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const wireTypes = [VARINT, FIXED64, BYTES, FIXED32];

/**
 * Messages, attributes and strings that one file may have. Each costs a hundred bytes of heap or more but only two bytes
 * of the file, so the file's size does not bound them. Large published models have some 50,000.
 */
const maxItems = 1_000_000;

/**
 * Reads protocol buffers from a file that nobody has checked. pbf itself reads past the end of a message without an error,
 * so each read checks its wire type, and each message that it ended where its length said.
 */
export class ProtoReader {
  readonly #pbf: PbfReader;
  readonly #fail: Fail;
  #items = 0;
  /** End of the message that is being read. */
  #end: number;

  /** @param fail Throws the error of a damaged file. */
  constructor(bytes: Uint8Array, fail: Fail) {
    this.#pbf = new PbfReader(bytes);
    this.#end = bytes.length;
    this.#fail = fail;
  }

  /**
   * Reads the fields up to the end of the file, or of the nested message.
   * @param read Is called with the number of each field; a field that it does not read is skipped.
   */
  fields(read: (field: number) => void): void {
    const pbf = this.#pbf;
    while (pbf.pos < this.#end) {
      const begin = pbf.pos;
      const tag = this.#varint(false);
      const field = Math.floor(tag / 8);
      pbf.type = tag % 8;
      if (field === 0 || !wireTypes.includes(pbf.type))
        this.#fail('a valid field', `damage at byte ${begin}`);
      const value = pbf.pos;
      read(field);
      // Reading a value moves on by at least a byte.
      if (pbf.pos === value) this.#skip();
      if (pbf.pos > this.#end) this.#truncated();
    }
  }

  /** Reads a nested message. */
  message(read: (field: number) => void): void {
    const { end, start } = this.#range();
    const outer = this.#end;
    this.#end = end;
    this.#pbf.pos = start;
    this.fields(read);
    this.#end = outer;
  }

  /** The bytes of a field, a view of the file. */
  bytes(): Uint8Array {
    const { start, end } = this.#range();
    this.#pbf.pos = end;
    return this.#pbf.buf.subarray(start, end);
  }

  /** A string; damaged UTF-8 fails, because two different names could become the same. */
  text(): string {
    const bytes = this.bytes();
    try {
      return decoder.decode(bytes);
    } catch {
      return this.#fail('text in UTF-8', `other bytes at byte ${this.#pbf.pos - bytes.length}`);
    }
  }

  /** A signed 64-bit integer; beyond 2^53 it is rounded. */
  integer(): number {
    this.#require(VARINT);
    return this.#varint(true);
  }

  /** Appends one integer, or the integers of a packed field. */
  integers(target: number[]): void {
    if (this.#pbf.type === VARINT) {
      target.push(this.integer());
      return;
    }
    this.#packed(() => target.push(this.#varint(true)));
  }

  float(): number {
    this.#require(FIXED32);
    this.#requireBytes(4);
    return this.#pbf.readFloat();
  }

  /** Appends one float, or the floats of a packed field. */
  floats(target: number[]): void {
    if (this.#pbf.type === FIXED32) {
      target.push(this.float());
      return;
    }
    this.#packed(() => {
      this.#requireBytes(4);
      target.push(this.#pbf.readFloat());
    });
  }

  /** Appends one double, or the doubles of a packed field. */
  doubles(target: number[]): void {
    if (this.#pbf.type === FIXED64) {
      this.#requireBytes(8);
      target.push(this.#pbf.readDouble());
      return;
    }
    this.#packed(() => {
      this.#requireBytes(8);
      target.push(this.#pbf.readDouble());
    });
  }

  #packed(read: () => void): void {
    const { start, end } = this.#range();
    this.#pbf.pos = start;
    while (this.#pbf.pos < end) read();
    if (this.#pbf.pos !== end) this.#truncated();
  }

  /** The range of bytes of a length-delimited field. */
  #range(): { start: number; end: number } {
    this.#require(BYTES);
    if (++this.#items > maxItems) this.#fail(`at most ${maxItems} messages and strings`, 'more');
    const length = this.#varint(false);
    const start = this.#pbf.pos;
    if (!(length <= this.#end - start)) this.#truncated();
    return { start, end: start + length };
  }

  #skip(): void {
    if (this.#pbf.type === BYTES) this.bytes();
    else this.#pbf.skip(this.#pbf.type);
  }

  #varint(isSigned: boolean): number {
    const begin = this.#pbf.pos;
    try {
      return this.#pbf.readVarint(isSigned);
    } catch {
      return this.#fail('a valid field', `damage at byte ${begin}`);
    }
  }

  #require(type: number): void {
    if (this.#pbf.type === type) return;
    this.#fail('a valid field', `damage at byte ${this.#pbf.pos}`);
  }

  #requireBytes(count: number): void {
    if (this.#pbf.pos + count > this.#end) this.#truncated();
  }

  #truncated(): never {
    return this.#fail('a complete message', `the end of its bytes, byte ${this.#end}`);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
