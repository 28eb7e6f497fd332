import { fromPackage, requirePackage } from '../../validation/construction.js';
import { describe, typeError, wrongType, wrongValue } from '../../validation/errors.js';
import { FileFormatError } from '../files/file-format-error.js';
import { type FileSource, nameOf, readSource } from '../files/file-source.js';
import type { Names } from '../files/rename.js';
import { setFloats } from '../files/set-floats.js';
import { replacement, Stage } from '../files/stage.js';
import { requireTensor } from '../../ops/operand.js';

import { elementCount, type Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { type Fail, maxHeaderBytes } from './npy-header.js';
import { NpyScanner, type NpyVisitor } from './npy-scanner.js';
import { NumberCollector, TensorCollector } from './npy-collectors.js';
import type { ZipArchive, ZipEntry } from './zip-content.js';
import { isFormatError, openArchive } from './open-archive.js';
import { quote } from '../../validation/quote.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { callSync } from '../../validation/synchronous.js';

/** Condition for a number that is read. */
export interface NumberLimits {
  /** The condition in words, for the message. */
  readonly expected: string;
  /** The condition as a function. */
  readonly fits: (value: number) => boolean;
}

/**
 * An `.npz` archive that is open for reading, as passed to a module's `read`:
 *
 *     const zip = await NpzReader.open('weights.npz');
 *     try { await bn.read(zip, 'encoder.norm.'); } finally { zip.close(); }
 */
export class NpzReader {
  static {
    guardMethods(this);
  }

  readonly #zip: ZipArchive;
  /** By name in the module. */
  #entries: ReadonlyMap<string, readonly ZipEntry[]>;
  /** Names in the file of renamed entries. */
  readonly #inFile = new Map<string, string>();
  #strict = true;
  readonly #missing: string[] = [];
  readonly #stage = new Stage();
  /** Names of entries that were read, looked up or ignored. */
  readonly #known = new Set<string>();
  /** Reads in progress, with the names of their entries. */
  readonly #reading = new Map<Promise<unknown>, string>();
  #closed = false;

  private constructor(
    key: typeof fromPackage,
    /** Path of the archive, or the name of its content. */
    readonly path: string,
    zip: ZipArchive,
    entries: ReadonlyMap<string, readonly ZipEntry[]>,
  ) {
    requirePackage(key, 'NpzReader', 'NpzReader.open(path)');
    this.#zip = zip;
    this.#entries = entries;
  }

  /**
   * Opens an archive.
   * @param path A path, or the content of the archive.
   * @throws FileFormatError if the file is not a zip archive; errors of the operating system and of downloads.
   */
  static async open(path: FileSource): Promise<NpzReader> {
    const source = readSource('path', path);
    const { zip, entries } = await openArchive(source);
    return new NpzReader(fromPackage, nameOf(source), zip, entries);
  }

  /** Names of all entries, `.npy` included. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** Whether the archive has an entry of this name, `.npy` included. */
  has(name: string): boolean {
    requireName(name);
    return this.#entries.has(name);
  }

  /**
   * Reads an array of the tensor's shape into the tensor; within `transaction`, at the end of that call.
   * @param name Name of the entry, `.npy` included.
   * @throws FileFormatError naming the file, the entry, what was expected and what was found.
   */
  async tensor(name: string, tensor: Tensor<Shape>): Promise<void> {
    requireName(name);
    const { shape } = requireTensor('tensor', tensor) as Tensor<Shape>;
    if (!this.#strict && !this.#entries.has(name)) {
      this.#missing.push(name);
      return undefined;
    }
    return this.#noteReading(name, async () => {
      const fail = this.#failOf(name);
      const collector = new TensorCollector(shape, `the values of ${quote(name)}`, fail);
      await this.#read(name, shape, collector);
      this.#stage.note(setFloats(tensor, collector.result(), fail));
    });
  }

  /**
   * Reads a number, stored as an array without axes.
   * @param limits The condition for the number, in words and as a function.
   * @throws FileFormatError naming the file, the entry, what was expected and what was found.
   */
  async number(name: string, limits?: NumberLimits): Promise<number> {
    requireName(name);
    if (limits !== undefined) requireLimits(limits);
    const [value] = await this.#numbers(name, []);
    if (limits === undefined) return value;
    if (!callSync('fits() of limits', () => limits.fits(value))) {
      this.#failOf(name)(limits.expected, String(value));
    }
    return value;
  }

  /**
   * Reads `length` numbers, stored as an array with one axis.
   * @throws FileFormatError naming the file, the entry, what was expected and what was found.
   */
  async numbers(name: string, length: number): Promise<readonly number[]> {
    requireName(name);
    if (!Number.isSafeInteger(length) || length < 0) {
      throw wrongValue('length', 'a number of numbers', describe(length));
    }
    return this.#numbers(name, [length]);
  }

  /**
   * Declares that an entry belongs to the module although the module does not read it. `load` refuses a file
   * with entries that the module neither reads nor declares.
   */
  ignore(name: string): void {
    requireName(name);
    this.#known.add(name);
  }

  /**
   * @internal Renames the entries; names are without `.npy`. Unless `strict`, `tensor()` accepts that an
   * entry is missing.
   */
  prepare(rename: (names: readonly string[]) => Names, strict: boolean): void {
    const isArray = (name: string) => name.endsWith(npy);
    const renamed = rename(this.names.filter(isArray).map(withoutNpy));
    const entries = new Map([...this.#entries].filter(([name]) => !isArray(name)));
    for (const [to, from] of renamed) {
      entries.set(to + npy, this.#entries.get(from + npy) ?? []);
      this.#inFile.set(to + npy, from + npy);
    }
    this.#entries = entries;
    this.#strict = strict;
  }

  /** @internal Names of the entries that `tensor()` did not find, without `.npy`. */
  get missing(): readonly string[] {
    return this.#missing.map(withoutNpy);
  }

  /** @internal Names in the file of the entries that were neither read nor declared. */
  unread(): readonly string[] {
    const unread = this.names.filter((name) => !this.#known.has(name));
    return unread.map((name) => this.#inFile.get(name) ?? name);
  }

  /**
   * Makes what `read` reads into tensors take effect together: all of it at the end of `read`, or none of it
   * if `read` throws.
   */
  async transaction(read: () => Promise<void>): Promise<void> {
    if (typeof read !== 'function') throw wrongType('read', 'a function', read);
    return this.#stage.transaction(read);
  }

  /**
   * Adds a change of your own to those that take effect together.
   * @param undo Restores the state before `change`. Called when `change` or another change of this load
   * throws. Changes without it are made last and cannot be undone.
   */
  change(change: () => void, undo?: () => void): void {
    if (typeof change !== 'function') throw wrongType('change', 'a function', change);
    if (undo !== undefined && typeof undo !== 'function') {
      throw wrongType('undo', 'a function', undo);
    }
    this.#stage.note({ apply: change, undo });
  }

  /** @internal As `change`, for one value with a getter and a setter. */
  replace<T>(get: () => T, set: (value: T) => void, value: T): void {
    this.#stage.note(replacement(get, set, value));
  }

  /**
   * @internal Runs a function that reads a module and waits for all of its reads, because a read that ends
   * later would find the file closed.
   * @throws TypeError if `read` ends before its reads do.
   */
  async awaited(read: () => Promise<void>): Promise<void> {
    let forgotten: string | undefined;
    try {
      await read();
      [forgotten] = this.#reading.values();
    } finally {
      // Code that awaits one of the reads may start more.
      while (this.#reading.size > 0) await Promise.allSettled([...this.#reading.keys()]);
    }
    if (forgotten === undefined) return;
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      `Expected read() to await everything that it reads but it ended before ${quote(forgotten)} was read`,
    );
  }

  /** Closes the file. Reading afterwards is a TypeError. */
  close(): void {
    this.#closed = true;
    this.#zip.close();
  }

  /** @internal Scans an array of any shape, type and size in little memory. */
  async scan(name: string, visitor: NpyVisitor): Promise<void> {
    const fail = this.#failOf(name);
    const entry = this.#entry(name, fail);
    const scanner = new NpyScanner(visitor, entry.uncompressedSize, fail);
    const { crc32 } = await import('node:zlib');
    let checksum = 0;
    for await (const part of this.#parts(entry, fail)) {
      checksum = crc32(part, checksum);
      scanner.push(part);
    }
    scanner.end();
    checkSum(entry, checksum, fail);
  }

  #numbers(name: string, shape: readonly [] | readonly [number]): Promise<readonly number[]> {
    return this.#noteReading(name, async () => {
      const collector = new NumberCollector(shape, this.#failOf(name));
      await this.#read(name, shape, collector);
      return collector.result();
    });
  }

  async #noteReading<R>(name: string, read: () => Promise<R>): Promise<R> {
    const reading = read();
    this.#reading.set(reading, name);
    try {
      return await reading;
    } finally {
      this.#reading.delete(reading);
    }
  }

  async #read(name: string, shape: Shape, visitor: NpyVisitor): Promise<void> {
    this.#known.add(name);
    const fail = this.#failOf(name);
    // Checked before unpacking, because a small file may unpack to gigabytes.
    const maxSize = 12 + maxHeaderBytes + 8 * elementCount(shape);
    const { uncompressedSize } = this.#entry(name, fail);
    if (uncompressedSize > maxSize) fail(`at most ${maxSize} bytes`, String(uncompressedSize));
    await this.scan(name, visitor);
  }

  /**
   * The only entry of this name; fails if it is missing, repeated, encrypted or compressed in another way
   * than deflate.
   */
  #entry(name: string, fail: Fail): ZipEntry {
    const entries = this.#entries.get(name) ?? [];
    if (entries.length !== 1) fail('one entry of this name', entries.length === 0 ? 'none' : 'several');
    const [entry] = entries;
    if (entry.isEncrypted) fail('an entry without encryption', 'an encrypted one');
    if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
      fail('a stored or deflated entry', `compression method ${entry.compressionMethod}`);
    }
    return entry;
  }

  async *#parts(entry: ZipEntry, fail: Fail): AsyncGenerator<Buffer> {
    if (this.#closed) {
      throw typeError('ERR_BATCHNORM_DISPOSED', `Expected an open archive but ${this.path} was closed`);
    }
    try {
      for await (const part of await entry.open()) yield part as Buffer;
    } catch (error) {
      if (!isFormatError(error)) throw error;
      fail('intact data', `damage: ${error.message}`);
    }
  }

  #failOf(name: string): Fail {
    return (expected, found) => {
      throw new FileFormatError(this.path, expected, found, this.#inFile.get(name) ?? name);
    };
  }
}

const npy = '.npy';

/** Returns the name of an array as numpy knows it. */
export function withoutNpy(name: string): string {
  return name.endsWith(npy) ? name.slice(0, -npy.length) : name;
}

function requireName(name: unknown): void {
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
}

function requireLimits(limits: unknown): void {
  const { expected, fits } = (limits ?? {}) as Partial<Record<keyof NumberLimits, unknown>>;
  if (typeof expected !== 'string' || typeof fits !== 'function') {
    throw wrongType('limits', 'an object with the text expected and the function fits', limits);
  }
}

function checkSum(entry: ZipEntry, found: number, fail: Fail): void {
  if (found !== entry.crc32) fail(`the checksum ${hex(entry.crc32)}`, hex(found));
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, '0');
}
