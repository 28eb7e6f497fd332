import { bytesPerNumber, ensureHeap } from '../backend/room.js';
import { requireFinite, wrongType, wrongValue } from '../errors.js';
import { elementCount, type Shape } from '../tensor/shape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';

/** A number, or the name of one that JSON has no spelling for. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

/** Of its place in an array, and of its text: up to 20 letters, twice while the text grows. */
export const bytesPerJsonNumber = bytesPerNumber + 40;

export function jsonNumbers(tensor: Tensor<Shape>): readonly JsonNumber[] {
  ensureHeap('the JSON of a tensor', elementCount(tensor.shape) * bytesPerJsonNumber);
  return Array.from(storageOf(tensor).values, (value) =>
    Number.isFinite(value) ? value : (String(value) as JsonNumber),
  );
}

/** Reads the fields of an object that came from outside. */
export class JsonReader {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(
    private readonly argument: string,
    json: unknown,
    type: string,
  ) {
    if (typeof json !== 'object' || json === null) {
      throw wrongType(argument, `an object from ${type}.toJSON()`, json);
    }
    this.#fields = json as Record<string, unknown>;
    if (this.#fields.type !== type) {
      throw wrongType(`${argument}.type`, JSON.stringify(type), this.#fields.type);
    }
  }

  field(name: string): unknown {
    return this.#fields[name];
  }

  integer(name: string, least: number): number {
    const place = `${this.argument}.${name}`;
    const value = requireFinite(place, this.#fields[name]);
    if (!Number.isSafeInteger(value) || value < least) {
      throw wrongValue(place, `an integer from ${least}`, String(value));
    }
    return value;
  }

  /** An array of this length, whatever is in it. */
  array(name: string, length: number): readonly unknown[] {
    const source = this.#fields[name];
    if (Array.isArray(source) && source.length === length) return source as unknown[];
    throw wrongType(`${this.argument}.${name}`, `an array of ${length} numbers`, source);
  }

  /** Writes an array of as many numbers as the tensor has into it. */
  into(name: string, tensor: Tensor<Shape>): void {
    const place = `${this.argument}.${name}`;
    const { values } = storageOf(tensor);
    for (const [i, value] of this.array(name, values.length).entries()) {
      values[i] = readNumber(`${place}[${i}]`, value);
    }
  }
}

function readNumber(place: string, value: unknown): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw wrongType(place, 'a number', value);
}
