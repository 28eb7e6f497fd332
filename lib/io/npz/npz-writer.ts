import type { FileHandle } from 'node:fs/promises';
import { requireFiniteOrNaN, wrongType, wrongValue } from '../../validation/errors.js';
import { chunksOf, writeChunks } from '../files/chunks.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import { readEntryName } from './entry-name.js';
import { formatFloats, formatNumber, formatNumbers } from './npy-values.js';
import { maxEntries } from './open-archive.js';
import { quote } from '../../validation/quote.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/**
 * Collects the entries of an `.npz` archive, as passed to a module's `write`. Values are copied when they are
 * added.
 */
export class NpzWriter {
  static {
    guardMethods(this);
  }

  /** The parts of each entry: one buffer, or the header and the values of a large array. */
  readonly #entries = new Map<string, readonly ArrayBufferView[]>();

  /** Creates an archive without entries. */
  constructor() {
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
  }

  /**
   * Adds a tensor as a float32 array.
   * @param name Name of the entry, `.npy` included.
   * @throws RangeError if the archive already has an entry of this name.
   */
  tensor(name: string, tensor: Tensor<Shape>): void {
    const { shape } = requireTensor('tensor', tensor);
    this.#add(name, () => {
      const what = `the values of ${quote(name)}`;
      return formatFloats(what, storageOf(tensor).values, shape);
    });
  }

  /** Adds a finite number as a float64 array without axes. */
  number(name: string, value: number): void {
    const bytes = formatNumber(requireFiniteOrNaN('value', value));
    this.#add(name, () => [bytes]);
  }

  /** Adds numbers as a float64 array with one axis. They may be infinite or NaN. */
  numbers(name: string, values: readonly number[]): void {
    if (!Array.isArray(values)) throw wrongType('values', 'an array of numbers', values);
    for (const [i, value] of (values as readonly unknown[]).entries()) {
      if (typeof value !== 'number') throw wrongType(`values[${i}]`, 'a number', value);
    }
    this.#add(name, () => [formatNumbers(values)]);
  }

  /** @internal Entries are stored, not deflated, because dfdx reads only stored ones. */
  async writeTo(file: FileHandle): Promise<void> {
    const { ZipFile } = await import('yazl');
    const { Readable } = await import('node:stream');
    const zip = new ZipFile();
    // A fixed time, so that the same values always give the same bytes.
    const options = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true };
    for (const [name, parts] of this.#entries) {
      const [bytes] = parts;
      if (parts.length === 1) {
        zip.addBuffer(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), name, options);
      } else {
        const size = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
        zip.addReadStream(Readable.from(chunksOfAll(parts)), name, { ...options, size });
      }
    }
    zip.end();
    for await (const part of zip.outputStream) await writeChunks(file, part as Buffer);
  }

  /** Adds an entry; `parts` is called only if the name is valid. */
  #add(name: string, parts: () => readonly ArrayBufferView[]): void {
    readEntryName(name);
    if (this.#entries.has(name)) throw wrongValue('name', 'a name that is not taken yet', quote(name));
    if (this.#entries.size >= maxEntries) {
      throw wrongValue('name', `at most ${maxEntries} entries`, `another one, ${quote(name)}`);
    }
    this.#entries.set(name, parts());
  }
}

function* chunksOfAll(parts: readonly ArrayBufferView[]): Generator<Uint8Array> {
  for (const part of parts) yield* chunksOf(part);
}
