import { rangeError } from '../../validation/errors.js';
import { broadcastShape } from '../../ops/broadcast.js';
import { elementCount } from '../../core/shape.js';
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
