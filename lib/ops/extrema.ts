import { graphsOf, recorded } from '../core/record.js';
import { backend } from '../backend/index.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape, Tape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { requireBoolean, requireOptions, wrongShape } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import { readAxis } from './permute.js';
import { type AxisStep, copyOf, readReduction, type Reduction, reductionOf, stepsOf } from './reduction.js';
import { rowMajorStrides, type StridedView, stridedCopy } from './strided-copy.js';

/** The longest axis whose indices float32 holds exactly. */
const maxIndexedLength = 2 ** 24;

export type Extremum = 'max' | 'min';

/**
 * The largest or smallest value, of all or over axes; NaN if a value is NaN. The gradient is divided equally among the
 * values that equal the result, as by PyTorch's `amax`.
 */
export function extremum<T extends Tape>(
  which: Extremum,
  x: Tensor<Shape, T>,
  options: unknown,
): Tensor<Shape, T> {
  const reduction = readReduction(x.shape, options);
  const { resultShape, results, count } = reduction;
  requireValues(which, x.shape, count);
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const steps = results === 0 ? [] : stepsOf(reduction);
  const result = reduceInSteps(input, steps, which === 'min');
  return recorded(graphs, inputs, resultShape, result, () => ({
    saved: [input, result],
    backward: (dy, accumulate) => {
      const dx = Storage.take(input.values.length);
      if (steps.length > 1) gradientOverRuns(reduction, input, result, dy, dx);
      else gradient(steps[0] ?? { outer: results, length: 1, inner: 1 }, input, result, dy, dx);
      accumulate(0, dx);
    },
  }));
}

/** The index of the first largest or smallest value, or of the first NaN: along an axis, or among all values. */
export function extremumIndex(which: Extremum, x: AnyTensor, options: unknown): Tensor<Shape> {
  const { shape } = x;
  const name = `arg${which}`;
  const { axis, keepDims = false } = requireOptions('options', options, ['axis', 'keepDims']);
  const searched = axis === undefined ? undefined : readAxis('axis', axis, shape);
  const reduction = reductionOf(
    shape,
    shape.map((_, i) => searched === undefined || i === searched),
    requireBoolean('keepDims', keepDims),
  );
  requireValues(name, shape, reduction.count);
  if (reduction.count > maxIndexedLength) {
    throw wrongShape(name, `at most ${maxIndexedLength} values to search`, `shape ${formatShape(shape)}`);
  }
  // Throws if the graph of x was consumed.
  graphsOf([x]);
  const input = storageOf(x);
  const result = Storage.take(reduction.results);
  const [step] = reduction.results === 0 ? [] : stepsOf(reduction);
  if (step === undefined) {
    result.values.fill(0);
  } else {
    const { outer, length, inner } = step;
    backend.extremumIndexAxis(outer, length, inner, which === 'min', input.named('x'), result.named('y'));
  }
  return createTensor<Shape, NoneTape>(reduction.resultShape, result, undefined);
}

function requireValues(name: string, shape: Shape, count: number): void {
  if (count > 0) return;
  throw wrongShape(name, 'at least one value along the axes', `shape ${formatShape(shape)}`);
}

function reduceInSteps(input: Storage, steps: readonly AxisStep[], minimum: boolean): Storage {
  if (steps.length === 0) return copyOf(input);
  let current = input;
  for (const { outer, length, inner } of steps) {
    const y = Storage.take(outer * inner);
    backend.extremumAxis(outer, length, inner, minimum, current.named('x'), y.named('y'));
    if (current !== input) current.release();
    current = y;
  }
  return current;
}

function gradient(
  { outer, length, inner }: AxisStep,
  x: Storage,
  y: Storage,
  dy: Storage,
  dx: Storage,
): void {
  backend.extremumAxisBackward(
    ...([outer, length, inner] as const),
    ...([x.named('x'), y.named('y'), dy.named('dy'), dx.named('dx')] as const),
  );
}

/** Copies x with the reduced axes last, so that they are one run, and the gradient back. */
function gradientOverRuns(reduction: Reduction, x: Storage, y: Storage, dy: Storage, dx: Storage): void {
  const { shape, reduced, results, count } = reduction;
  const axes = shape.map((_, axis) => axis);
  const order = [...axes.filter((axis) => !reduced[axis]), ...axes.filter((axis) => reduced[axis])];
  const sizes = order.map((axis) => shape[axis]);
  const strides = rowMajorStrides(shape);
  const original = (values: Storage): StridedView => ({
    values,
    strides: order.map((axis) => strides[axis]),
  });
  const ordered = (values: Storage): StridedView => ({ values, strides: rowMajorStrides(sizes) });
  const n = elementCount(shape);
  const orderedX = Storage.take(n);
  const orderedDx = Storage.take(n);
  stridedCopy(sizes, original(x), ordered(orderedX));
  gradient({ outer: results, length: count, inner: 1 }, orderedX, y, dy, orderedDx);
  stridedCopy(sizes, ordered(orderedDx), original(dx));
  orderedX.release();
  orderedDx.release();
}
