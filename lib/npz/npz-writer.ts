import type { FileHandle } from 'node:fs/promises';
import { requireFiniteOrNaN, wrongType, wrongValue } from '../errors.js';
import { requireTensor } from '../ops/operand.js';
import type { Shape } from '../tensor/shape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';
import { formatFloats, formatNumber, formatNumbers } from './npy-values.js';
import { refuseSurplusArguments, requireNoSurplus } from '../surplus-arguments.js';

/** What yazl takes at once; larger entries are handed to it as a stream. */
const largestBuffer = 0x3fffffff;

/**
 * Collects the entries of an `.npz` archive. `write` of a module takes one. Values are copied when they
 * are added.
 */
export class NpzWriter {
  static {
    refuseSurplusArguments(this);
  }

  readonly #entries = new Map<string, Buffer>();

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
    this.#add(name, formatFloats(storageOf(tensor).values, shape));
  }

  /** Adds a number as a float64 without axes. */
  number(name: string, value: number): void {
    this.#add(name, formatNumber(requireFiniteOrNaN('value', value)));
  }

  /** Adds numbers as a float64 array with one axis, whatever they are: infinities and NaN included. */
  numbers(name: string, values: readonly number[]): void {
    if (!Array.isArray(values)) throw wrongType('values', 'an array of numbers', values);
    for (const [i, value] of (values as readonly unknown[]).entries()) {
      if (typeof value !== 'number') throw wrongType(`values[${i}]`, 'a number', value);
    }
    this.#add(name, formatNumbers(values));
  }

  /** @internal Stored, not deflated: dfdx reads nothing else. */
  async writeTo(file: FileHandle): Promise<void> {
    const { ZipFile } = await import('yazl');
    const { Readable } = await import('node:stream');
    const zip = new ZipFile();
    // The same bytes for the same values, whenever they are saved.
    const options = { compress: false, mtime: new Date(1980, 0, 1), forceDosTimestamp: true };
    for (const [name, bytes] of this.#entries) {
      if (bytes.length <= largestBuffer) {
        zip.addBuffer(bytes, name, options);
      } else {
        zip.addReadStream(Readable.from([bytes]), name, { ...options, size: bytes.length });
      }
    }
    zip.end();
    for await (const part of zip.outputStream) await file.writeFile(part);
  }

  #add(name: string, bytes: Buffer): void {
    if (typeof name !== 'string') throw wrongType('name', 'a string', name);
    if (name === '') throw wrongValue('name', 'a name', '""');
    if (this.#entries.has(name)) {
      throw wrongValue('name', 'a name that is not taken yet', JSON.stringify(name));
    }
    this.#entries.set(name, bytes);
  }
}
