import { bytesPerNumber, ensureHeap } from '../backend/allocation.js';
import { describe, wrongShape, wrongType, wrongValue } from '../validation/errors.js';

/** A number, or the name of a number that JSON cannot represent or, like -0, would change. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';

/**
 * Peak memory of JSON.stringify per value, in addition to its place in an array: up to 22 characters of text,
 * and the same again while the parts of the text are joined.
 */
const bytesPerText = 44;

/**
 * Call this before `toJsonNumbers` for `count` values in total: V8 aborts the process if it finds no memory
 * for a large array or text.
 * @throws RangeError if the memory is not available.
 */
export function ensureJsonMemory(count: number): void {
  ensureHeap(`JSON of ${count} values`, count * (bytesPerNumber + bytesPerText));
}

/** Converts values to a form that JSON can hold; float32 values are preserved exactly. */
export function toJsonNumbers(values: Float32Array): readonly JsonNumber[] {
  return Array.from(values, (value) => {
    if (Object.is(value, -0)) return '-0';
    return Number.isFinite(value) ? value : (String(value) as JsonNumber);
  });
}

/** Requires an array of this length, with any elements. */
export function readJsonArray(place: string, source: unknown, length: number): readonly unknown[] {
  if (Array.isArray(source) && source.length === length) return source as unknown[];
  const expected = `an array of ${length} numbers`;
  throw Array.isArray(source)
    ? wrongShape(place, expected, describe(source))
    : wrongType(place, expected, source);
}

/** Converts the result of `toJsonNumbers` back and writes it into an array of the same length. */
export function readJsonNumbers(place: string, source: unknown, into: Float32Array): void {
  for (const [i, value] of readJsonArray(place, source, into.length).entries()) {
    into[i] = readJsonNumber(`${place}[${i}]`, value);
  }
}

function readJsonNumber(place: string, value: unknown): number {
  if (typeof value === 'number') {
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw wrongValue(place, 'a number in the range of float32', String(value));
    }
    return value;
  }
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity' || value === '-0') {
    return Number(value);
  }
  throw wrongType(place, 'a number', value);
}
