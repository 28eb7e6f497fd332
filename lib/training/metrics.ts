import type { HasUnknownRank, Shape, Unless } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, type ShapeOf, storageOf, type Tensor } from '../core/tensor.js';
import {
  type ClassLayout,
  type ClassTargets,
  type ClassTargetsOf,
  type LogitsProblem,
  readClassIndices,
  readClassLayout,
  readIgnoreIndex,
} from '../ops/class-targets.js';
import { extremumIndex } from '../ops/extrema.js';
import { type AnyTensor, requireTensor } from '../ops/operand.js';
import { requireOptions, requirePositiveInteger, wrongValue } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of `accuracy` and `confusionMatrix`. */
export interface MetricOptions {
  /** The index of targets that do not count, such as 255 for unlabeled pixels; it need not be a class. Default: none. */
  readonly ignoreIndex?: number;
}

/** Settings of `topK`. */
export interface TopKOptions extends MetricOptions {
  /** How many of the highest classes may contain the target; at most the number of classes. */
  readonly k: number;
}

/** The number of classes of logits [N, C, ...]. */
export type ClassesOf<S extends Shape> =
  HasUnknownRank<S> extends true
    ? number
    : S extends readonly [number, infer C extends number, ...Shape]
      ? C
      : number;

/**
 * The fraction of targets that are the class with the highest logit; the first one of equal ones, as by `argmax`. NaN if
 * every target is ignored.
 *
 * @param logits [N, C] or [N, C, ...], such as [N, C, H, W]: logits or probabilities, with or without a tape.
 * @param targets Class indices from 0 to C - 1, as a tensor [N, ...] or as a flat array in row-major order.
 * @throws RangeError for a wrong shape, an empty batch or an index outside of the classes; TypeError for targets with a tape
 * or an unknown option.
 */
export function accuracy<X extends AnyTensor, Y extends ClassTargets>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Y & ClassTargetsOf<ShapeOf<X>, Y>,
  options?: MetricOptions,
): number {
  if (arguments.length > 3) requireNoSurplus('accuracy', 3, arguments);
  const { ignoreIndex } = requireOptions('options', options, ['ignoreIndex']);
  const { x, indices } = readSamples(logits, targets, ignoreIndex);
  let right = 0;
  let counted = 0;
  forEachPrediction(x, indices, (predicted, index) => {
    counted++;
    if (predicted === index) right++;
  });
  return right / counted;
}

/**
 * The fraction of targets that are among the k classes with the highest logits; of equal ones, the first ones. NaN if every
 * target is ignored. `topK` with k = 1 is `accuracy`.
 *
 * @param logits [N, C] or [N, C, ...], such as [N, C, H, W]: logits or probabilities, with or without a tape.
 * @param targets Class indices from 0 to C - 1, as a tensor [N, ...] or as a flat array in row-major order.
 * @throws RangeError for a wrong shape, an empty batch, an index outside of the classes or a k above their number; TypeError
 * for targets with a tape or an unknown option.
 */
export function topK<X extends AnyTensor, Y extends ClassTargets>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Y & ClassTargetsOf<ShapeOf<X>, Y>,
  options: TopKOptions,
): number {
  if (arguments.length > 3) requireNoSurplus('topK', 3, arguments);
  const { k, ignoreIndex } = requireOptions('options', options, ['k', 'ignoreIndex']);
  const count = requirePositiveInteger('k', k);
  const { x, layout, indices } = readSamples(logits, targets, ignoreIndex);
  const { classes, pixels } = layout;
  if (count > classes) throw wrongValue('k', `at most the number of classes (${classes})`, String(count));
  const { values } = storageOf(x);
  let right = 0;
  let counted = 0;
  indices.forEach((index, row) => {
    if (index < 0) return;
    counted++;
    const first = firstOf(layout, row);
    if (rankOf(index, values, first, pixels, classes, count) < count) right++;
  });
  return right / counted;
}

/**
 * How often each class was predicted for each target class: row i, column j counts the targets of class i for which class j
 * has the highest logit (the first one of equal ones). Matrices of several batches add up to that of all. Counts above 2^24
 * are rounded to float32.
 *
 * @param logits [N, C] or [N, C, ...], such as [N, C, H, W]: logits or probabilities, with or without a tape.
 * @param targets Class indices from 0 to C - 1, as a tensor [N, ...] or as a flat array in row-major order.
 * @returns A tensor [C, C] without a tape.
 * @throws RangeError for a wrong shape, an empty batch or an index outside of the classes; TypeError for targets with a tape
 * or an unknown option.
 */
export function confusionMatrix<X extends AnyTensor, Y extends ClassTargets>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Y & ClassTargetsOf<ShapeOf<X>, Y>,
  options?: MetricOptions,
): Tensor<readonly [ClassesOf<ShapeOf<X>>, ClassesOf<ShapeOf<X>>]> {
  if (arguments.length > 3) requireNoSurplus('confusionMatrix', 3, arguments);
  const { ignoreIndex } = requireOptions('options', options, ['ignoreIndex']);
  const { x, layout, indices } = readSamples(logits, targets, ignoreIndex);
  const { classes } = layout;
  // float32 counts would stop growing at 2^24.
  const counts = new Float64Array(classes * classes);
  forEachPrediction(x, indices, (predicted, index) => {
    counts[index * classes + predicted]++;
  });
  const result = Storage.take(counts.length);
  result.values.set(counts);
  const shape = Object.freeze([classes, classes] as const);
  return createTensor<typeof shape, NoneTape>(shape, result, undefined) as never;
}

interface Samples {
  readonly x: AnyTensor;
  readonly layout: ClassLayout;
  /** -1 for ignored targets. */
  readonly indices: Int32Array;
}

function readSamples(logits: unknown, targets: unknown, ignoreIndex: unknown): Samples {
  const x = requireTensor('logits', logits);
  const layout = readClassLayout(x.shape);
  return { x, layout, indices: readClassIndices(targets, layout, readIgnoreIndex(ignoreIndex)) };
}

function forEachPrediction(
  x: AnyTensor,
  indices: Int32Array,
  visit: (predicted: number, index: number) => void,
): void {
  const predictions = extremumIndex('max', x, { axis: 1 });
  const { values } = storageOf(predictions);
  indices.forEach((index, row) => {
    if (index >= 0) visit(values[row], index);
  });
  predictions.dispose();
}

/** The place of class 0 of a row among the logits. */
function firstOf({ classes, pixels }: ClassLayout, row: number): number {
  const pixel = row % pixels;
  return ((row - pixel) / pixels) * classes * pixels + pixel;
}

/** How many classes come before one, up to `limit`: those with a higher logit, or an equal one and a lower index. */
function rankOf(
  index: number,
  values: Float32Array,
  first: number,
  stride: number,
  classes: number,
  limit: number,
): number {
  const own = values[first + index * stride];
  let rank = 0;
  for (let other = 0; other < classes && rank < limit; other++) {
    const value = values[first + other * stride];
    // NaN comes before every number, as for argmax.
    const isEqual = value === own || (Number.isNaN(value) && Number.isNaN(own));
    const isHigher = value > own || (Number.isNaN(value) && !Number.isNaN(own));
    if (isHigher || (isEqual && other < index)) rank++;
  }
  return rank;
}
