import { recorded, graphsOf } from '../core/record.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { elementCount, scalarShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { broadcastStrides, copyOf, readReduction, type Reduction, stepsOf } from './reduction.js';
import { rowMajorStrides, stridedCopy } from './strided-copy.js';

/**
 * The sum of all values, or over axes. Its error before rounding to float32 is at most 1e-6 of the sum of the magnitudes.
 */
export function sum<T extends Tape>(x: Tensor<Shape, T>, options?: unknown): Tensor<Shape, T> {
  if (options === undefined) return total(x, scalarShape, 1);
  const reduction = readReduction(x.shape, options);
  return sumOverAxes(x, reduction, 1);
}

/** The mean of all values, or over axes; NaN for the mean of nothing. */
export function mean<T extends Tape>(x: Tensor<Shape, T>, options?: unknown): Tensor<Shape, T> {
  if (options === undefined) return total(x, scalarShape, storageOf(x).values.length);
  const reduction = readReduction(x.shape, options);
  return sumOverAxes(x, reduction, reduction.count);
}

/** sum(x) / divisor */
function total<T extends Tape>(x: Tensor<Shape, T>, shape: Shape, divisor: number): Tensor<Shape, T> {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  const result = Storage.take(1);
  backend.sumAxis(1, n, 1, divisor, input.named('x'), result.named('y'));
  return recorded(graphs, inputs, shape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      accumulate(0, Storage.constant(n, dy.values[0] / divisor));
    },
  }));
}

function sumOverAxes<T extends Tape>(
  x: Tensor<Shape, T>,
  reduction: Reduction,
  divisor: number,
): Tensor<Shape, T> {
  const { resultShape, results } = reduction;
  if (results === 1) return total(x, resultShape, divisor);
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const result = reduceInSteps(storageOf(x), reduction, divisor);
  return recorded(graphs, inputs, resultShape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      accumulate(0, spread(dy, reduction, divisor));
    },
  }));
}

/** The sums of a reduction, divided by the divisor. */
export function reduceInSteps(input: Storage, reduction: Reduction, divisor: number): Storage {
  if (input.values.length === 0) {
    const empty = Storage.take(reduction.results);
    empty.values.fill(0 / divisor);
    return empty;
  }
  const steps = stepsOf(reduction);
  if (steps.length === 0) return copyOf(input);
  let current = input;
  steps.forEach(({ outer, length, inner }, i) => {
    const y = Storage.take(outer * inner);
    const isLast = i === steps.length - 1;
    backend.sumAxis(outer, length, inner, isLast ? divisor : 1, current.named('x'), y.named('y'));
    if (current !== input) current.release();
    current = y;
  });
  return current;
}

/** dy / divisor, repeated along the reduced axes. */
function spread(dy: Storage, reduction: Reduction, divisor: number): Storage {
  if (divisor === 1) return repeated(dy, reduction);
  const n = dy.values.length;
  const shares = Storage.take(n);
  backend.div(1, n, 1, dy.named('a'), named('b', Float32Array.of(divisor)), shares.named('out'));
  const dx = repeated(shares, reduction);
  shares.release();
  return dx;
}

function repeated(input: Storage, reduction: Reduction): Storage {
  const { shape } = reduction;
  const dx = Storage.take(elementCount(shape));
  stridedCopy(
    shape,
    { values: input, strides: broadcastStrides(reduction) },
    { values: dx, strides: rowMajorStrides(shape) },
  );
  return dx;
}
