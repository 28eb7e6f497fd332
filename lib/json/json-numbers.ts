import { bytesPerNumber, ensureHeap } from '../backend/allocation.js';
import { wrongType, wrongValue } from '../validation/errors.js';

/** A number, or the name of one that JSON has no spelling for or loses, as it does the sign of -0. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity' | '-0';

/** What JSON.stringify takes for a value at its peak, besides its place in an array: up to 22 characters of text,
 * and as many again while the parts of the text are joined. */
const bytesPerText = 44;

/**
 * To be called before `toJsonNumbers` for so many values in all: V8 aborts the process where it finds no memory for
 * a large array or text.
 * @throws RangeError where the memory is not available.
 */
export function requireJsonRoom(count: number): void {
  ensureHeap(`JSON of ${count} values`, count * (bytesPerNumber + bytesPerText));
}

/** The values as JSON can hold them; float32 values survive exactly. */
export function toJsonNumbers(values: Float32Array): readonly JsonNumber[] {
  return Array.from(values, (value) => {
    if (Object.is(value, -0)) return '-0';
    return Number.isFinite(value) ? value : (String(value) as JsonNumber);
  });
}

/** An array of this length, whatever is in it. */
export function readJsonArray(place: string, source: unknown, length: number): readonly unknown[] {
  if (Array.isArray(source) && source.length === length) return source as unknown[];
  throw wrongType(place, `an array of ${length} numbers`, source);
}

/** Writes what `toJsonNumbers` returned into an array of as many values. */
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
