import { type Shape, Tensor } from 'batchnorm';
import { seeded, values } from './random.js';

export const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
export const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(seeded(7), count(shape)), shape);

/** For each value of a tensor, in order, the index of the result that it contributes to. */
export function resultIndices(shape: Shape, axes: readonly number[]): Int32Array {
  const strides = shape.map(() => 0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (axes.includes(axis)) continue;
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return Int32Array.from({ length: count(shape) }, (_, i) => {
    let index = 0;
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      index += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return index;
  });
}

/**
 * Shapes and axes: around the size of vectors, of the 1024 columns that are reduced together, and of the parts that
 * long axes are divided into.
 */
export const reductionCases: readonly (readonly [Shape, readonly number[]])[] = [
  [[7], [0]],
  [[5, 1], [1]],
  [[1, 5], [0]],
  [
    [3, 1, 4],
    [0, 1],
  ],
  [
    [2, 3, 4],
    [0, 2],
  ],
  [[2, 3, 4], [1]],
  [[2, 3, 4], []],
  [[40, 9], [1]],
  [[9, 40], [0]],
  [[3, 5, 33], [1]],
  [[2, 2500, 3], [1]],
  [[1000, 31], [0]],
  [[6, 1031], [0]],
  [[2, 3, 2050], [1]],
  [[150_007, 2], [0]],
  [[2, 150_001], [1]],
  [[130, 1100], [0]],
  [
    [4, 6, 7, 5],
    [0, 2, 3],
  ],
  [
    [3, 2, 4, 2, 3],
    [0, 2, 4],
  ],
  [
    [2, 1, 3, 1, 2, 2],
    [0, 1, 4],
  ],
];
