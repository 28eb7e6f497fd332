import { rangeError } from '../../validation/errors.js';
import { broadcastShape } from '../../ops/broadcast.js';
import { elementCount } from '../../core/shape.js';
import { rowMajorStrides } from '../../ops/strided-copy.js';
import type { Integers } from '../values.js';

export type IntegerFunction = (a: number, b: number) => number;

/** Sizes and axes are short lists; a graph that makes long ones is damaged or malicious. */
const maxIntegers = 1_000_000;

/** A function of pairs of integers, whose shapes broadcast. */
export function binaryIntegers(a: Integers, b: Integers, compute: IntegerFunction): Integers {
  const shape = broadcastShape(a.shape, b.shape);
  const count = requireCount(elementCount(shape));
  const [left, right] = [indicesOf(a, shape), indicesOf(b, shape)];
  const numbers = Array.from({ length: count }, (_, i) => compute(a.numbers[left(i)], b.numbers[right(i)]));
  return { shape, numbers };
}

/** @throws RangeError for more integers than sizes and axes need. */
export function requireCount(count: number): number {
  if (count <= maxIntegers) return count;
  throw rangeError('ERR_BATCHNORM_VALUE', `Expected at most ${maxIntegers} integers but received ${count}`);
}

/** The index in an operand for an index in the result. */
function indicesOf({ shape }: Integers, result: readonly number[]): (index: number) => number {
  const missing = result.length - shape.length;
  return (index) => {
    let [rest, position, stride] = [index, 0, 1];
    for (let axis = result.length - 1; axis >= missing; axis--) {
      const size = shape[axis - missing];
      if (size !== 1) position += (rest % result[axis]) * stride;
      rest = Math.floor(rest / result[axis]);
      stride *= size;
    }
    return position;
  };
}

/** Integers at some positions along an axis. */
export function slicedIntegers(
  value: Integers,
  axis: number,
  { start, step, count }: { readonly start: number; readonly step: number; readonly count: number },
): Integers {
  const shape = value.shape.map((size, i) => (i === axis ? count : size));
  const strides = rowMajorStrides(value.shape);
  const offset = start * strides[axis];
  return strided(
    value,
    shape,
    strides.map((stride, i) => (i === axis ? stride * step : stride)),
    offset,
  );
}

/** Integers with their axes in another order. */
export function transposedIntegers(value: Integers, order: readonly number[]): Integers {
  const strides = rowMajorStrides(value.shape);
  return strided(
    value,
    order.map((axis) => value.shape[axis]),
    order.map((axis) => strides[axis]),
  );
}

/** Integers joined along an axis; their other sizes are equal. */
export function joinedIntegers(values: readonly Integers[], axis: number): Integers {
  const [{ shape: first }] = values;
  const total = values.reduce((sum, { shape }) => sum + shape[axis], 0);
  const shape = first.map((size, i) => (i === axis ? total : size));
  requireCount(elementCount(shape));
  const outer = elementCount(first.slice(0, axis));
  const numbers = Array.from({ length: outer }, (_, i) =>
    values.map((value) => {
      const width = value.numbers.length / outer;
      return value.numbers.slice(i * width, (i + 1) * width);
    }),
  );
  return { shape, numbers: numbers.flat(2) };
}

function strided(
  { numbers }: Integers,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): Integers {
  const result = Array.from({ length: requireCount(elementCount(shape)) }, (_, index) => {
    let [rest, position] = [index, offset];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return numbers[position];
  });
  return { shape, numbers: result };
}
