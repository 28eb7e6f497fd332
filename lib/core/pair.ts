import { wrongType, wrongValue } from '../validation/errors.js';

/** One number for both axes of an image, or one for its rows and one for its columns. */
export type Pair = number | readonly [rows: number, columns: number];

/** The number for rows. */
export type Rows<P> = P extends readonly [infer R extends number, number] ? R : P extends number ? P : number;

/** The number for columns. */
export type Columns<P> = P extends readonly [number, infer C extends number]
  ? C
  : P extends number
    ? P
    : number;

/**
 * Checks a pair of integers of at least `min`.
 * @returns The number, or a frozen copy of the two.
 * @throws TypeError or RangeError naming the argument.
 */
export function requirePair(argument: string, value: unknown, min: 0 | 1): Pair {
  const expected = `${integer(min)} or two of them, [rows, columns],`;
  return requireIntegers(argument, value, min, [2], expected) as Pair;
}

/**
 * Checks a number, or an array of one of these lengths.
 * @returns The number, or a frozen copy of the array.
 */
export function requireIntegers(
  argument: string,
  value: unknown,
  min: 0 | 1,
  lengths: readonly number[],
  expected: string,
): number | readonly number[] {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < min) throw wrongValue(argument, expected, String(value));
    return value;
  }
  if (!Array.isArray(value) || !lengths.includes(value.length)) throw wrongType(argument, expected, value);
  const copy = Array.from(value, (each: unknown, i) => {
    const place = `${argument}[${i}]`;
    if (typeof each !== 'number') throw wrongType(place, integer(min), each);
    if (!Number.isSafeInteger(each) || each < min) throw wrongValue(place, integer(min), String(each));
    return each;
  });
  return Object.freeze(copy);
}

function integer(min: 0 | 1): string {
  return min === 1 ? 'a positive integer' : 'a non-negative integer';
}

/** The number for rows. */
export function rowsOf(pair: Pair): number {
  return typeof pair === 'number' ? pair : pair[0];
}

/** The number for columns. */
export function columnsOf(pair: Pair): number {
  return typeof pair === 'number' ? pair : pair[1];
}

/** The pair without a repetition: a number if both are equal. */
export function toPair(rows: number, columns: number): Pair {
  return rows === columns ? rows : Object.freeze([rows, columns] as const);
}
