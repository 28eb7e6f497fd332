import { bytesPerNumber, ensureHeap } from '../backend/room.js';
import { describe, requirePositiveInteger, wrongShape, wrongType, wrongValue } from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from './shape.js';
import { isResizable, lengthOf, typedArrayName } from '../validation/typed-array.js';

/** Arrays of numbers, as deep as a shape. */
export type NestedNumbers = readonly (number | NestedNumbers)[];

/** Numbers to copy from: a typed array, or plain arrays, flat or nested. */
export type NumberSource = ArrayLike<number> | NestedNumbers;

/** More values than any array can hold. */
const mostElements = 2 ** 32;

/** As NumPy has. What goes through the axes one inside the other would run out of stack at thousands. */
const mostAxes = 64;

/** A frozen copy of a shape; a TypeError or RangeError where it is none. */
export function readShape<S extends Shape>(argument: string, shape: S): S {
  if (!Array.isArray(shape)) throw wrongType(argument, 'an array of sizes', shape);
  if (shape.length > mostAxes) {
    throw wrongValue(argument, `at most ${mostAxes} sizes`, `${shape.length}`);
  }
  const copy = [...(shape as readonly unknown[])];
  for (let axis = 0; axis < copy.length; axis++) {
    const size = copy[axis];
    if (typeof size !== 'number') {
      throw wrongType(`${argument}[${axis}]`, 'a non-negative integer', size);
    }
    if (!Number.isSafeInteger(size) || size < 0) {
      throw wrongValue(`${argument}[${axis}]`, 'a non-negative integer', String(size));
    }
  }
  if (elementCount(copy as unknown as Shape) > mostElements) {
    throw wrongValue(argument, `at most ${mostElements} values`, formatShape(shape));
  }
  return Object.freeze(copy) as unknown as S;
}

/** The size of an axis that a layer has, such as its number of channels. */
export function requireSize(argument: string, value: unknown): number {
  const size = requirePositiveInteger(argument, value);
  if (size > mostElements) throw wrongValue(argument, `at most ${mostElements}`, String(size));
  return size;
}

/** Numbers that are as many as a shape has. */
export interface Values {
  /** Writes every value of the target, which is as long. @throws TypeError naming what is no number. */
  copyTo(target: Float32Array): void;
}

/** The numbers of `source`; a TypeError or RangeError where they are not what the shape wants. */
export function readValues(argument: string, source: NumberSource, shape: Shape): Values {
  const count = elementCount(shape);
  const expected = `${count} values (shape ${formatShape(shape)})`;
  const type = typedArrayName(source);
  if (type !== undefined) {
    if (type.startsWith('Big')) throw wrongType(argument, 'an array of numbers', source);
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
      // One by one: a proxy may answer differently each time it is asked.
      for (let i = 0; i < count; i++) {
        const value = flat[i];
        if (typeof value !== 'number') throw wrongType(`${argument}[${i}]`, 'a number', value);
        target[i] = value;
      }
    },
  };
}

/**
 * For arrays that are kept: in place of values that an array loses later, memory of earlier tensors would show.
 * @throws RangeError where the length may change.
 */
export function requireFixedSize(argument: string, array: ArrayBufferView): void {
  if (!isResizable(array)) return;
  throw wrongValue(
    argument,
    'an array over a buffer of a fixed size',
    'one over a resizable buffer. Pass a copy, its slice()',
  );
}

function flatten(argument: string, source: unknown, shape: Shape): readonly unknown[] {
  if (!Array.isArray(source)) throw wrongType(argument, 'an array of numbers', source);
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
