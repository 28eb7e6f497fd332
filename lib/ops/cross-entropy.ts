import { backend } from '../backend/index.js';
import type { ClassArray } from '../core/number-arrays.js';
import { graphsOf, recorded } from '../core/record.js';
import {
  formatShape,
  sameShape,
  type SameShape,
  scalarShape,
  type Shape,
  type Unless,
} from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { isTensor, type ShapeOf, storageOf, type TapeOf, type Tensor } from '../core/tensor.js';
import { requireFraction, requireOptions, wrongShape, wrongValue } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import {
  type ClassLayout,
  type ClassWeights,
  type LogitsProblem,
  readClassIndices,
  readClassLayout,
  readClassWeights,
  readIgnoreIndex,
  requireUntaped,
  type TargetShape,
} from './class-targets.js';
import { type LossOptions, type LossReduction, readReduction, type ReducedLoss } from './loss-options.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { rowMajorStrides, type StridedView, stridedCopy } from './strided-copy.js';
import {
  denseMatrix,
  indexMatrix,
  smoothedIndices,
  type TargetMatrix,
  weightedProbabilities,
} from './target-matrix.js';

/** Class indices in any array or tensor, or a tensor with the probability of each class. */
export type Targets = ClassArray | Tensor<Shape>;

/** Settings of `crossEntropyWithLogitsLoss`. */
export interface CrossEntropyOptions<R extends LossReduction = LossReduction> extends LossOptions<R> {
  /** A non-negative weight for each class, [C], by which its losses are multiplied. Default: 1 for all. */
  readonly classWeights?: ClassWeights;
  /**
   * The index of targets that count for nothing, such as 255 for unlabeled pixels; it need not be a class. Only with class
   * indices. Default: none.
   */
  readonly ignoreIndex?: number;
  /**
   * Share of each target, from 0 to 1, that is distributed equally among all classes (Szegedy et al., 2016). Default 0.
   */
  readonly labelSmoothing?: number;
}

/** The type with which targets are intersected: `unknown` if they may fit logits of shape S. */
export type CrossEntropyTargetsOf<S extends Shape, Y> = Unless<
  Y,
  Y extends Tensor<Shape>
    ? true extends SameShape<S, ShapeOf<Y>> | SameShape<TargetShape<S>, ShapeOf<Y>>
      ? never
      : 'Expected class indices of the shape of the logits without the axis of classes, or probabilities of the same shape'
    : never
>;

/** The type with which probabilities are intersected: `unknown` if they may fit logits of shape S. */
export type ProbabilitiesOf<S extends Shape, Y> = Unless<
  Y,
  true extends SameShape<S, ShapeOf<Y>> ? never : 'Expected probabilities of the shape of the logits'
>;

/**
 * Cross entropy of softmax(logits), taken over the second axis, against the targets. The loss of a row, or of a pixel, is
 * -sum over classes c of w[c] * t[c] * log(softmax(logits))[c], where w are the class weights and t is the target: 1 for its
 * class, or probabilities, after label smoothing. Without options, the result is the mean over the rows.
 *
 * As in PyTorch, the mean of weighted losses divides by the sum of the weights of the target classes that are not ignored
 * (for probabilities, by the number of rows). If that sum is 0, such as when all targets are ignored, the mean is NaN, or
 * infinite where smoothing gives other classes a loss, and its gradient is 0.
 *
 * @param logits [N, C] or [N, C, ...], such as [N, C, H, W] for images; with a tape for training.
 * @param targets Class indices from 0 to C - 1, as a tensor [N, ...] or as a flat array in row-major order; or probabilities
 * in the shape of the logits. A tensor must have no tape.
 * @returns A scalar, or with `reduction: 'none'` the losses [N, ...], which are 0 for ignored targets.
 * @throws RangeError for a wrong shape, an empty batch, an index outside of the classes, weights of another number than the
 * classes or a smoothing outside of 0 to 1; TypeError for targets with a tape or an unknown option.
 */
export function crossEntropyWithLogitsLoss<
  X extends AnyTensor,
  Y extends Targets,
  R extends LossReduction = 'mean',
>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Y & CrossEntropyTargetsOf<ShapeOf<X>, Y>,
  options?: CrossEntropyOptions<R>,
): Tensor<ReducedLoss<TargetShape<ShapeOf<X>>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('crossEntropyWithLogitsLoss', 3, arguments);
  const names = ['reduction', 'classWeights', 'ignoreIndex', 'labelSmoothing'];
  const given = requireOptions('options', options, names);
  const read = (layout: ClassLayout): TargetMatrix => readTargets(targets, layout, given);
  return crossEntropy(logits, read, readReduction(given.reduction), false) as never;
}

/**
 * Kullback-Leibler divergence of softmax(logits), taken over the second axis, from the targets. The loss of a row is the
 * sum over classes c of t[c] * (log(t[c]) - log(softmax(logits))[c]); without options, the result is the mean over the rows.
 * A class of probability 0 adds 0, as in PyTorch; in dfdx it makes the loss NaN.
 *
 * @param logits [N, C] or [N, C, ...], with a tape for training.
 * @param targets Probabilities of the same shape, without a tape: they receive no gradient.
 * @returns A scalar, or with `reduction: 'none'` the losses of the rows [N, ...].
 * @throws RangeError for a wrong shape or an empty batch, TypeError for targets with a tape.
 */
export function klDivWithLogitsLoss<
  X extends AnyTensor,
  Y extends Tensor<Shape>,
  R extends LossReduction = 'mean',
>(
  logits: X & Unless<X, LogitsProblem<ShapeOf<X>>>,
  targets: Y & ProbabilitiesOf<ShapeOf<X>, Y>,
  options?: LossOptions<R>,
): Tensor<ReducedLoss<TargetShape<ShapeOf<X>>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('klDivWithLogitsLoss', 3, arguments);
  const { reduction } = requireOptions('options', options, ['reduction']);
  const read = (layout: ClassLayout): TargetMatrix =>
    readProbabilities(requireTensor('targets', targets), layout, undefined, 0);
  return crossEntropy(logits, read, readReduction(reduction), true) as never;
}

/** Cross entropy; with `relative`, minus the entropy of the targets, which does not affect the gradient. */
function crossEntropy(
  logits: unknown,
  read: (layout: ClassLayout) => TargetMatrix,
  reduction: LossReduction,
  relative: boolean,
): AnyTensor {
  const x = requireTensor('logits', logits);
  const layout = readClassLayout(x.shape);
  const { rows, classes, targetShape } = layout;
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const target = read(layout);

  const logProbabilities = Storage.take(rows * classes);
  const isMatrix = layout.pixels === 1;
  if (!isMatrix) copyRows(layout, input.values, logProbabilities.values, true);
  const first = isMatrix ? input : logProbabilities;
  backend.logSoftmax(rows, classes, first.named('x'), logProbabilities.named('y'));

  const lossOf = (begin: number, end: number): number => {
    const entropy = relative ? target.entropy(begin, end) : 0;
    return -target.dot(logProbabilities, begin, end) - entropy;
  };
  const isReduced = reduction !== 'none';
  const divisor = reduction === 'mean' ? target.total : 1;
  const losses = Storage.take(isReduced ? 1 : rows);
  for (let i = 0; i < losses.values.length; i++) {
    const loss = isReduced ? lossOf(0, rows) : lossOf(i, i + 1);
    // Adding 0 turns the -0 of an ignored target into 0. The view is read last, because computing a loss may empty it.
    losses.values[i] = reduction === 'mean' ? loss / divisor : loss + 0;
  }
  const result = recorded(graphs, inputs, isReduced ? scalarShape : targetShape, losses, () => ({
    saved: [logProbabilities, ...target.saved],
    backward: (dy, accumulate) => {
      // The gradient (softmax * sum(target) - target) * dy, computed as that of log(softmax) from -target * dy. Nothing
      // counts where the divisor is 0.
      const factors = dy.values.map((each) => (divisor === 0 ? 0 : -each / divisor));
      const dx = Storage.take(rows * classes);
      target.scaled(factors, dx.values);
      backend.logSoftmaxBackward(rows, classes, logProbabilities.named('y'), dx.named('dy'), dx.named('dx'));
      accumulate(0, isMatrix ? dx : moved(layout, dx));
    },
  }));
  logProbabilities.release();
  target.release();
  return result;
}

/** The gradient of rows in the shape of the logits. */
function moved(layout: ClassLayout, rows: Storage): Storage {
  const dx = Storage.take(rows.values.length);
  copyRows(layout, dx.values, rows.values, false);
  rows.release();
  return dx;
}

/** Copies an array in the shape of the logits to rows of classes, or the rows back. */
function copyRows(
  { images, classes, pixels }: ClassLayout,
  tensor: Float32Array,
  rows: Float32Array,
  toRows: boolean,
): void {
  const sizes = [images, classes, pixels];
  const planes: StridedView = { values: tensor, strides: rowMajorStrides(sizes) };
  const rowView: StridedView = { values: rows, strides: [pixels * classes, 1, classes] };
  if (toRows) stridedCopy(sizes, planes, rowView);
  else stridedCopy(sizes, rowView, planes);
}

function readTargets(
  targets: unknown,
  layout: ClassLayout,
  options: Readonly<Record<string, unknown>>,
): TargetMatrix {
  const { classes, shape } = layout;
  const weights = readClassWeights(options.classWeights, classes);
  const ignored = readIgnoreIndex(options.ignoreIndex);
  const smoothing =
    options.labelSmoothing === undefined ? 0 : requireFraction('labelSmoothing', options.labelSmoothing);
  if (isTensor(targets) && targets.shape.length === shape.length) {
    if (ignored !== undefined) {
      throw wrongValue('ignoreIndex', 'undefined with targets that are probabilities', String(ignored));
    }
    return readProbabilities(targets, layout, weights, smoothing);
  }
  const indices = readClassIndices(targets, layout, ignored);
  return smoothing === 0
    ? indexMatrix(indices, classes, weights)
    : smoothedIndices(indices, classes, weights, smoothing);
}

function readProbabilities(
  targets: AnyTensor,
  layout: ClassLayout,
  weights: Float64Array | undefined,
  smoothing: number,
): TargetMatrix {
  requireUntaped('targets', targets);
  const { shape, classes, rows, pixels } = layout;
  if (!sameShape(targets.shape, shape)) {
    throw wrongShape('targets', `shape ${formatShape(shape)}`, `shape ${formatShape(targets.shape)}`);
  }
  const storage = storageOf(targets);
  const isPlain = weights === undefined && smoothing === 0;
  if (pixels === 1 && isPlain) return denseMatrix(storage, classes, rows, false);
  if (pixels === 1) return weightedProbabilities(storage, classes, weights, smoothing);
  const inRows = Storage.take(rows * classes);
  copyRows(layout, storage.values, inRows.values, true);
  if (isPlain) return denseMatrix(inRows, classes, rows, true);
  const weighted = weightedProbabilities(inRows, classes, weights, smoothing);
  inRows.release();
  return weighted;
}
