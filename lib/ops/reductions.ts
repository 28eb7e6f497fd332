import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import { scalarShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';

/**
 * The sum of all values. Its error before rounding to float32 is at most 1e-6 of the sum of their magnitudes.
 */
export function sum<T extends Tape>(x: Tensor<Shape, T>): Tensor<readonly [], T> {
  return reduce(x, 1);
}

/** The mean of all values; NaN for an empty tensor. */
export function mean<T extends Tape>(x: Tensor<Shape, T>): Tensor<readonly [], T> {
  return reduce(x, storageOf(x).values.length);
}

/** sum(x) / divisor */
function reduce<T extends Tape>(x: Tensor<Shape, T>, divisor: number): Tensor<readonly [], T> {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  const result = Storage.take(1);
  result.values[0] = backend.sum(n, input.named('x')) / divisor;
  return recorded(graphs, inputs, scalarShape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      dx.values.fill(dy.values[0] / divisor);
      accumulate(0, dx);
    },
  }));
}
