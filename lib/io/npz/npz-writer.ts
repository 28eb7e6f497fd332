import type { FileHandle } from 'node:fs/promises';
import { requireFiniteOrNaN, wrongType, wrongValue } from '../../validation/errors.js';
import { chunksOf, writeChunks } from '../files/chunks.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import { readEntryName } from './entry-name.js';
import { formatFloats, formatNumber, formatNumbers } from './npy-values.js';
import { maxEntries } from './npz-reader.js';
import { quote } from '../../validation/quote.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/**
 * Collects the entries of an `.npz` archive. `write` of a module takes one. Values are copied when they
 * are added.
 */
export class NpzWriter {
  static {
    guardMethods(this);
  }

  /** The parts of each entry: one buffer, or header and values of a large array. */
  readonly #entries = new Map<string, readonly ArrayBufferView[]>();

  /** An archive without entries. @throws TypeError for an argument. */
  constructor() {
    if (arguments.length > 0) requireNoSurplus(`new ${new.target.name}`, 0, arguments);
  }

  /**
   * Adds a tensor as a float32 array.
   * @param name With `.npy`.
   * @throws RangeError where there is an entry of this name already.
   */
  tensor(name: string, tensor: Tensor<Shape>): void {
    const { shape } = requireTensor('tensor', tensor);
    this.#add(name, () => {
      const what = `the values of ${quote(name)}`;
      return formatFloats(what, storageOf(tensor).values, shape);
    });
  }

  /** Adds a number as a float64 without axes. */
  number(name: string, value: number): void {
    const bytes = formatNumber(requireFiniteOrNaN('value', value));
    this.#add(name, () => [bytes]);
  }

  /** Adds numbers as a float64 array with one axis, whatever they are: infinities and NaN included. */
  numbers(name: string, values: readonly number[]): void {
    if (!Array.isArray(values)) throw wrongType('values', 'an array of numbers', values);
    for (const [i, value] of (values as readonly unknown[]).entries()) {
      if (typeof value !== 'number') throw wrongType(`values[${i}]`, 'a number', value);
    }
    this.#add(name, () => [formatNumbers(values)]);
  }

  /** @internal Stored, not deflated: dfdx reads nothing else. */
  async writeTo(file: FileHandle): Promise<void> {
    const { ZipFile } = await import('yazl');
    const { Readable } = await import('node:stream');
    const zip = new ZipFile();
    // The same bytes for the same values, whenever they are saved.
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

  /** Takes the parts of an entry, made where the name is right. */
  #add(name: string, parts: () => readonly ArrayBufferView[]): void {
    readEntryName(name);
    if (this.#entries.has(name)) throw wrongValue('name', 'a name that is not taken yet', quote(name));
    if (this.#entries.size >= maxEntries) {
      throw wrongValue('name', `one of at most ${maxEntries} entries`, `a further one, ${quote(name)}`);
    }
    this.#entries.set(name, parts());
  }
}

function* chunksOfAll(parts: readonly ArrayBufferView[]): Generator<Uint8Array> {
  for (const part of parts) yield* chunksOf(part);
}
