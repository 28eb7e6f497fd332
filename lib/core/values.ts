import { bytesPerNumber, ensureHeap } from '../backend/allocation.js';
import {
  describe,
  requireAttached,
  requirePositiveInteger,
  wrongShape,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from './shape.js';
import { isResizable, lengthOf, typedArrayName } from '../validation/typed-array.js';

/** Nested arrays of numbers. */
export type NestedNumbers = readonly (number | NestedNumbers)[];

/** Values to copy: a typed array, or plain arrays, flat or nested. */
export type NumberSource = ArrayLike<number> | NestedNumbers;

/** Above the maximum length of an array. */
export const maxElements = 2 ** 32;

/** NumPy's limit. Recursion over axes would overflow the stack with thousands of them. */
const maxAxes = 64;

/** A frozen copy of a shape. @throws TypeError or RangeError for an invalid one. */
export function readShape<S extends Shape>(argument: string, shape: S): S {
  if (!Array.isArray(shape)) throw wrongType(argument, 'an array of sizes', shape);
  if (shape.length > maxAxes) {
    throw wrongValue(argument, `at most ${maxAxes} sizes`, `${shape.length}`);
  }
  const copy = [...(shape as readonly unknown[])];
  let product = 1;
  for (let axis = 0; axis < copy.length; axis++) {
    const size = copy[axis];
    if (typeof size !== 'number') {
      throw wrongType(`${argument}[${axis}]`, 'a non-negative integer', size);
    }
    if (!Number.isSafeInteger(size) || size < 0) {
      throw wrongValue(`${argument}[${axis}]`, 'a non-negative integer', String(size));
    }
    // Of a tensor without values, too: operations count the rows in front of an axis of size 0.
    if (size > 0) product *= size;
  }
  if (elementCount(copy as unknown as Shape) > maxElements) {
    throw wrongValue(argument, `at most ${maxElements} values`, formatShape(shape));
  }
  if (product > Number.MAX_SAFE_INTEGER) {
    throw wrongValue(argument, 'sizes whose product, apart from zeros, is below 2^53', formatShape(shape));
  }
  return Object.freeze(copy) as unknown as S;
}

/** A size that a layer is created with, such as its number of channels. */
export function requireSize(argument: string, value: unknown): number {
  const size = requirePositiveInteger(argument, value);
  if (size > maxElements) throw wrongValue(argument, `at most ${maxElements}`, String(size));
  return size;
}

/** Values whose count fits a shape. */
export interface Values {
  /** Copies all values to a target of the same length. @throws TypeError naming an element that is not a number. */
  copyTo(target: Float32Array): void;
}

/**
 * The numbers of `source`.
 * @throws TypeError or RangeError if they do not match the shape.
 */
export function readValues(argument: string, source: NumberSource, shape: Shape): Values {
  const count = elementCount(shape);
  const expected = expectedValues(shape);
  const type = typedArrayName(source);
  if (type !== undefined) {
    if (type.startsWith('Big')) throw wrongType(argument, 'an array of numbers', source);
    requireAttached(argument, source);
    if (lengthOf(source) !== count) throw wrongShape(argument, expected, describe(source));
    return {
      copyTo(target) {
        if (count > 0) target.set(source as ArrayLike<number>);
      },
    };
  }
  const flat = flatten(argument, source, shape);
  if (flat.length !== count) throw wrongShape(argument, expected, `${flat.length} values`);
  return {
    copyTo(target) {
      // Read each element once: a proxy may return something different every time.
      for (let i = 0; i < count; i++) {
        const value = flat[i];
        if (typeof value !== 'number') throw wrongType(`${argument}[${i}]`, 'a number', value);
        target[i] = value;
      }
    },
  };
}

/**
 * Checks an array that will be kept: if its buffer shrank later, the kernels would read beyond its end.
 * @throws RangeError if its length may change.
 */
export function requireFixedSize(argument: string, array: ArrayBufferView): void {
  if (!isResizable(array)) return;
  throw wrongValue(
    argument,
    'an array over a buffer of a fixed size',
    'one over a resizable buffer. Pass a copy, its slice()',
  );
}

function expectedValues(shape: Shape): string {
  return `${elementCount(shape)} values (shape ${formatShape(shape)})`;
}

function flatten(argument: string, source: unknown, shape: Shape): readonly unknown[] {
  if (!Array.isArray(source)) throw wrongType(argument, 'an array of numbers', source);
  const [first] = source as readonly unknown[];
  // Before every element is looked at. Flat values are as many as the shape has, nested ones as many as its first axis.
  if (source.length !== elementCount(shape) && source.length !== shape[0] && !Array.isArray(first)) {
    throw wrongShape(argument, expectedValues(shape), `${source.length} values`);
  }
  if (!source.some((each) => Array.isArray(each))) return source;
  checkNesting(argument, source, shape, 0);
  ensureHeap('the values of nested arrays', elementCount(shape) * bytesPerNumber);
  return source.flat(Infinity);
}

function checkNesting(name: string, values: unknown, shape: Shape, axis: number): void {
  if (axis === shape.length) {
    if (typeof values !== 'number') throw wrongType(name, 'a number', values);
    return;
  }
  if (!Array.isArray(values)) throw wrongType(name, `an array of length ${shape[axis]}`, values);
  if (values.length !== shape[axis]) {
    throw wrongShape(name, `an array of length ${shape[axis]}`, `one of length ${values.length}`);
  }
  values.forEach((value, i) => {
    checkNesting(`${name}[${i}]`, value, shape, axis + 1);
  });
}
