import { freshArray } from '../backend/allocation.js';
import { describe, requireAttached, wrongType, wrongValue } from '../validation/errors.js';
import {
  isNumberArray,
  lengthOf,
  type NumberArray,
  plainView,
  typedArrayName,
} from '../validation/typed-array.js';

/** Class indices in any array, including 64-bit integers, which PyTorch and ONNX use for labels. */
export type ClassArray = NumberArray | BigInt64Array | BigUint64Array | readonly number[];

/** A typed array of numbers. @throws TypeError naming the argument. */
export function readNumberArray(argument: string, value: unknown): NumberArray {
  requireAttached(argument, value);
  if (isNumberArray(value)) return plainView(value);
  throw wrongType(argument, 'a typed array of numbers', value);
}

/**
 * Numbers in a typed array, or a copy of those in a plain one.
 * @throws TypeError naming the argument, or the element that is not a number.
 */
export function readNumbers(argument: string, value: unknown): NumberArray {
  requireAttached(argument, value);
  if (isNumberArray(value)) return plainView(value);
  if (!Array.isArray(value)) throw wrongType(argument, 'an array of numbers', value);
  const copy = freshArray(Float64Array, `a copy of ${argument}`, value.length);
  for (let i = 0; i < copy.length; i++) {
    const each: unknown = value[i];
    if (typeof each !== 'number') throw wrongType(`${argument}[${i}]`, 'a number', each);
    copy[i] = each;
  }
  return copy;
}

/** The length of an array that may hold class indices; undefined for anything else. */
export function classArrayLength(value: unknown): number | undefined {
  if (typedArrayName(value) !== undefined) return lengthOf(value as ClassArray);
  return Array.isArray(value) ? value.length : undefined;
}

/**
 * A class index from 0 to `limit` - 1.
 * @param remedy Advice in parentheses to add to the error message.
 * @throws TypeError or RangeError naming the argument.
 */
export function readClass(argument: string, value: unknown, limit: number, remedy = ''): number {
  const expected = `an integer class index below ${limit}`;
  const place = `${argument}${remedy}`;
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw wrongType(place, expected, value);
  }
  const index = Number(value);
  if (!Number.isInteger(index) || index < 0 || index >= limit) {
    throw wrongValue(place, expected, describe(value));
  }
  return index;
}

/**
 * Class indices: a `Uint8Array` or `Int32Array` itself, or an integer copy of any other array.
 * @throws TypeError or RangeError naming the argument, or the element that is not a class.
 */
export function readClasses(argument: string, value: unknown): Uint8Array | Int32Array {
  requireAttached(argument, value);
  const type = typedArrayName(value);
  if (type === 'Uint8Array' || type === 'Int32Array') {
    return plainView(value as Uint8Array | Int32Array);
  }
  const remedy = ' (for other values, pass a labelShape)';
  const length = classArrayLength(value);
  if (length === undefined) throw wrongType(`${argument}${remedy}`, 'an array of classes', value);
  const classes = freshArray(Int32Array, `a copy of ${argument}`, length);
  for (let i = 0; i < length; i++) {
    classes[i] = readClass(`${argument}[${i}]`, (value as ClassArray)[i], 2 ** 31, remedy);
  }
  return classes;
}
