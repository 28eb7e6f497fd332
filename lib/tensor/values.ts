import { describe, requirePositiveInteger, wrongShape, wrongType, wrongValue } from '../errors.js';
import { elementCount, formatShape, type Shape } from './shape.js';

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

/** The numbers of `source`, flat; a TypeError or RangeError where they are not what the shape wants. */
export function readValues(
  argument: string,
  source: NumberSource,
  shape: Shape,
): ArrayLike<number> {
  const flat = flatten(argument, source, shape);
  const count = elementCount(shape);
  if (flat.length !== count) {
    throw wrongShape(
      argument,
      `${count} values (shape ${formatShape(shape)})`,
      Array.isArray(flat) ? `${flat.length} values` : describe(flat),
    );
  }
  return flat;
}

function flatten(argument: string, source: unknown, shape: Shape): ArrayLike<number> {
  if (ArrayBuffer.isView(source) && !(source instanceof DataView)) {
    if (source instanceof BigInt64Array || source instanceof BigUint64Array) {
      throw wrongType(argument, 'an array of numbers', source);
    }
    return source as Float32Array;
  }
  if (!Array.isArray(source)) throw wrongType(argument, 'an array of numbers', source);
  const isNested = source.some((each) => Array.isArray(each));
  if (isNested) checkNesting(argument, source, shape, 0);
  const flat: unknown[] = isNested ? source.flat(Infinity) : source;
  for (const [i, value] of flat.entries()) {
    if (typeof value !== 'number') throw wrongType(`${argument}[${i}]`, 'a number', value);
  }
  return flat as number[];
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
