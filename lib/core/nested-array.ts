import { bytesPerNumber, ensureHeap } from '../backend/allocation.js';
import { formatShape, type Shape } from './shape.js';

/** `number` for a scalar, `number[]` for a vector and so on; `unknown` if the rank is unknown. */
export type NestedArray<S extends Shape> = OfRank<S['length']>;

// Based on the length, which the compiler knows even if the sizes are type parameters.
type OfRank<R extends number> = number extends R
  ? unknown
  : R extends 0
    ? number
    : R extends 1
      ? number[]
      : R extends 2
        ? number[][]
        : R extends 3
          ? number[][][]
          : R extends 4
            ? number[][][][]
            : unknown;

/** From this length on, `new Array(length)` of V8 has no elements in a row. */
const maxFastLength = 2 ** 25;

/** Row-major values as nested arrays. */
export function nested<S extends Shape>(values: Float32Array, shape: S): NestedArray<S> {
  requireMemory(shape);
  let offset = 0;
  const build = (axis: number): unknown => {
    if (axis === shape.length) return values[offset++];
    const size = shape[axis];
    // Not Array.from(): it takes several times as long. V8 makes a slow dictionary of a new Array() that is too long.
    const array: unknown[] = size < maxFastLength ? new Array(size) : [];
    for (let i = 0; i < size; i++) array[i] = build(axis + 1);
    return array;
  };
  return build(0) as NestedArray<S>;
}

/** An array under construction and its index in the enclosing one. */
const bytesPerArray = 64;

/** A shape without values may still stand for any number of empty arrays. */
function requireMemory(shape: Shape): void {
  let bytes = 0;
  let count = 1;
  for (const size of shape) {
    bytes += count * bytesPerArray;
    count *= size;
  }
  ensureHeap(`nested arrays of shape ${formatShape(shape)}`, bytes + count * bytesPerNumber);
}
