import type { ReadStream } from 'node:fs';
import { freshArray } from '../backend/allocation.js';
import { endianness } from 'node:os';
import {
  orDefault,
  requireOptions,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { quote } from '../validation/quote.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { fileKind, wrongKind } from '../io/files/file-kind.js';
import { openFile } from '../io/files/open-file.js';
import { withFileMemory } from '../io/files/file-memory.js';
import { type FilePath, readPath } from '../io/files/path.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

// The format, as described on MNIST's page: two zero bytes, the type of the values, the number of axes, the size of each
// axis as a big-endian 32-bit integer, then the values, big-endian and row-major.

/** The typed array for each value type of an IDX file. */
export interface IdxValues {
  /** Unsigned bytes, as in MNIST. */
  readonly uint8: Uint8Array;
  /** Signed bytes. */
  readonly int8: Int8Array;
  /** 16-bit integers. */
  readonly int16: Int16Array;
  /** 32-bit integers. */
  readonly int32: Int32Array;
  /** 32-bit floats. */
  readonly float32: Float32Array;
  /** 64-bit floats. */
  readonly float64: Float64Array;
}

/** Requirements on an IDX file. */
export interface IdxOptions<T extends keyof IdxValues = 'uint8'> {
  /** Type of the values. Default `'uint8'`. */
  readonly type?: T;
  /** Number of axes: 3 for images, 1 for labels. Default any. */
  readonly axes?: number;
  /** Maximum size of the values in bytes. Default 2^30, more than any published file. */
  readonly maxBytes?: number;
}

/** The contents of an IDX file. */
export interface IdxArray<T extends keyof IdxValues = 'uint8'> {
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: IdxValues[T];
}

interface IdxType {
  readonly code: number;
  readonly words: string;
  readonly bytes: 1 | 2 | 4 | 8;
  readonly view: (bytes: ArrayBuffer) => IdxValues[keyof IdxValues];
}

const types: Readonly<Record<keyof IdxValues, IdxType>> = {
  uint8: { code: 0x08, words: 'unsigned bytes', bytes: 1, view: (b) => new Uint8Array(b) },
  int8: { code: 0x09, words: 'signed bytes', bytes: 1, view: (b) => new Int8Array(b) },
  int16: { code: 0x0b, words: '16-bit integers', bytes: 2, view: (b) => new Int16Array(b) },
  int32: { code: 0x0c, words: '32-bit integers', bytes: 4, view: (b) => new Int32Array(b) },
  float32: { code: 0x0d, words: '32-bit floats', bytes: 4, view: (b) => new Float32Array(b) },
  float64: { code: 0x0e, words: '64-bit floats', bytes: 8, view: (b) => new Float64Array(b) },
};

const wanted = 'an IDX file, which begins with two zero bytes,';
const defaultMaxBytes = 2 ** 30;
/** Maximum compression ratio of Deflate, which bounds the contents of a gzipped file before it is unpacked. */
const maxExpansion = 1032;
const readSize = 256 * 1024;

/** Throws an error about the file; never returns. */
type Fail = (expected: string, found: string) => never;

/**
 * Reads an IDX file, the format of MNIST, plain or gzipped under any name. Allocates no more than the values that the
 * header announces, and only if the file is large enough to hold them.
 *
 * @example
 * const { values, shape } = await readIdx('train-images-idx3-ubyte.gz', { axes: 3 });
 * @throws FileFormatError naming the file, what was expected in it and what was found; what opening it
 * throws.
 */
export async function readIdx<T extends keyof IdxValues = 'uint8'>(
  path: FilePath,
  options?: IdxOptions<T>,
): Promise<IdxArray<T>> {
  if (arguments.length > 2) requireNoSurplus('readIdx', 2, arguments);
  const file = readPath('path', path);
  const given = requireOptions('options', options, ['type', 'axes', 'maxBytes']);
  const type = readType(orDefault(given.type, 'uint8'));
  const axes = given.axes === undefined ? undefined : readAxes(given.axes);
  const maxBytes = requirePositiveInteger('maxBytes', orDefault(given.maxBytes, defaultMaxBytes));
  const fail: Fail = (expected, found) => {
    throw new FileFormatError(file, expected, found);
  };

  const read = async (): Promise<IdxArray<T>> => {
    const { handle, size, head } = await openFile(file, wanted);
    try {
      const gzipped = fileKind(head) === 'gzip';
      const maxSize = Math.min(maxBytes, gzipped ? size * maxExpansion : size);
      const collector = new Collector(file, type, axes, maxSize, gzipped, fail);
      const content = handle.createReadStream({
        start: 0,
        autoClose: false,
        highWaterMark: readSize,
      });
      await (gzipped ? unzip(content, collector, fail) : collect(content, collector));
      return collector.end() as IdxArray<T>;
    } finally {
      await handle.close();
    }
  };
  return withFileMemory(`reading ${file}`, read);
}

async function collect(content: AsyncIterable<unknown>, collector: Collector): Promise<void> {
  for await (const part of content) collector.push(part as Buffer);
}

async function unzip(content: ReadStream, collector: Collector, fail: Fail): Promise<void> {
  // Imported here so that programs that read no IDX file do not load it.
  const { createGunzip } = await import('node:zlib');
  const gunzip = createGunzip({ chunkSize: readSize });
  // Not pipeline(), which would report the abort instead of the collector's error that caused it.
  content.once('error', (error) => gunzip.destroy(error));
  try {
    await collect(content.pipe(gunzip), collector);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code?.startsWith('Z_') || code === 'Z_MEM_ERROR') throw error;
    fail('gzipped data', `damage: ${message}`);
  } finally {
    content.destroy();
  }
}

/** Parses the bytes of a file as they arrive. */
class Collector {
  #header = Buffer.alloc(0);
  #shape: readonly number[] | undefined;
  #values = new Uint8Array(0);
  #filled = 0;

  constructor(
    private readonly file: string,
    private readonly type: IdxType,
    private readonly axes: number | undefined,
    private readonly maxSize: number,
    private readonly gzipped: boolean,
    private readonly fail: Fail,
  ) {}

  push(part: Buffer): void {
    let rest = part;
    if (this.#shape === undefined) {
      const bytes = Buffer.concat([this.#header, part]);
      const length = this.#headerLength(bytes);
      if (length === undefined || bytes.length < length) {
        this.#header = bytes;
        return;
      }
      this.#header = bytes.subarray(0, length);
      this.#begin();
      rest = bytes.subarray(length);
    }
    if (this.#filled + rest.length > this.#values.length) {
      this.#failOfLength(`more than ${this.#values.length / this.type.bytes}`);
    }
    this.#values.set(rest, this.#filled);
    this.#filled += rest.length;
  }

  end(): IdxArray<keyof IdxValues> {
    if (this.#shape === undefined) {
      const length = this.#headerLength(this.#header);
      const found = `${this.#header.length} ${this.#header.length === 1 ? 'byte' : 'bytes'}`;
      if (length === undefined) throw this.#wrongKind(this.#header, found);
      this.fail(`a header of ${length} bytes`, found);
    }
    if (this.#filled < this.#values.length) {
      this.#failOfLength(String(Math.floor(this.#filled / this.type.bytes)));
    }
    if (endianness() === 'LE') swap(this.#values, this.type.bytes);
    return { shape: this.#shape, values: this.type.view(this.#values.buffer) };
  }

  /** The header, or undefined until enough bytes have arrived. Checks the bytes that have. */
  #headerLength(bytes: Buffer): number | undefined {
    if (bytes.length < 4) return undefined;
    const [first, second, code, axes] = bytes;
    if (first !== 0 || second !== 0) {
      throw this.#wrongKind(bytes);
    }
    if (code !== this.type.code) {
      const found = Object.values(types).find((each) => each.code === code);
      this.fail(this.type.words, found?.words ?? `the unknown type ${code}`);
    }
    if (this.axes !== undefined && axes !== this.axes) {
      this.fail(`${this.axes} ${this.axes === 1 ? 'axis' : 'axes'}`, String(axes));
    }
    return 4 + 4 * axes;
  }

  #begin(): void {
    const header = this.#header;
    const axes = header[3];
    const shape = Array.from({ length: axes }, (_, axis) => header.readUInt32BE(4 + 4 * axis));
    this.#shape = shape;
    // The product is inexact beyond 2^53, but then always above the limit.
    const bytes = shape.reduce((product, size) => product * size, this.type.bytes);
    if (bytes > this.maxSize) {
      this.fail(
        `at most ${this.maxSize} bytes of values, as many as the file can hold or maxBytes allows`,
        `${shape.join(' x ')} values in the header`,
      );
    }
    this.#values = freshArray(Uint8Array, `the values of ${this.file}`, bytes);
  }

  #wrongKind(head: Buffer, damage?: string): FileFormatError {
    return wrongKind(this.file, 'idx', wanted, head, { damage, gzipped: this.gzipped });
  }

  #failOfLength(found: string): never {
    const shape = this.#shape ?? [];
    const count = this.#values.length / this.type.bytes;
    return this.fail(`${count} values (${shape.join(' x ')})`, found);
  }
}

function readType(name: unknown): IdxType {
  const expected = `one of ${Object.keys(types).join(', ')}`;
  if (typeof name !== 'string') throw wrongType('type', expected, name);
  if (!Object.hasOwn(types, name)) throw wrongValue('type', expected, quote(name));
  return types[name as keyof IdxValues];
}

function readAxes(axes: unknown): number {
  if (requirePositiveInteger('axes', axes) > 255) {
    throw wrongValue('axes', 'a number from 1 to 255', String(axes));
  }
  return axes as number;
}

function swap(values: Uint8Array, bytes: 1 | 2 | 4 | 8): void {
  const buffer = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  if (bytes === 2) buffer.swap16();
  if (bytes === 4) buffer.swap32();
  if (bytes === 8) buffer.swap64();
}
