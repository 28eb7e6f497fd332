import type { SameShape, Shape, Unless } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../core/tensor.js';
import { requireOptions, requirePositive } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { elementLoss, lossSum } from './element-loss.js';
import { type LossOptions, type LossReduction, readReduction, type ReducedLoss } from './loss-options.js';
import { type PositiveWeight, readPositiveWeight, weightedBinaryCrossEntropy } from './positive-weight.js';
import { sqrt } from './unary.js';

/** Settings of `huberLoss`. */
export interface HuberLossOptions<R extends LossReduction = LossReduction> extends LossOptions<R> {
  /**
   * Magnitude of the difference beyond which the loss is linear rather than quadratic; positive. Default 1, as in
   * PyTorch.
   */
  readonly delta?: number;
}

/** Settings of `smoothL1Loss`. */
export interface SmoothL1LossOptions<R extends LossReduction = LossReduction> extends LossOptions<R> {
  /**
   * Magnitude of the difference beyond which the loss is linear rather than quadratic; positive. Default 1, as in
   * PyTorch.
   */
  readonly beta?: number;
}

/** Settings of `binaryCrossEntropyWithLogitsLoss`. */
export interface BinaryCrossEntropyOptions<R extends LossReduction = LossReduction> extends LossOptions<R> {
  /**
   * Non-negative weight of the targets' term, such as the ratio of negative to positive samples: a number, one for each
   * place of the last axis, or a tensor that broadcasts to the logits, such as [C, 1, 1] for [N, C, H, W]. Default 1.
   */
  readonly posWeight?: PositiveWeight;
}

/** The type with which the targets are intersected: `unknown` if they may fit the predictions. */
export type TargetsOf<X, Y> = Unless<
  Y,
  Y extends Tensor<Shape>
    ? false extends SameShape<ShapeOf<X>, ShapeOf<Y>>
      ? 'Expected targets of the shape of the predictions'
      : never
    : 'Expected targets without a tape'
>;

type AnyTensor = Tensor<Shape, Tape>;

/**
 * Mean squared error: the mean of (predictions - targets)^2.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function mseLoss<X extends AnyTensor, Y extends AnyTensor, R extends LossReduction = 'mean'>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: LossOptions<R>,
): Tensor<ReducedLoss<ShapeOf<X>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('mseLoss', 3, arguments);
  const { reduction } = requireOptions('options', options, ['reduction']);
  const computation = () => lossSum('squaredError');
  return elementLoss(computation, 'predictions', predictions, targets, readReduction(reduction)) as never;
}

/**
 * Root mean squared error: the square root of `mseLoss`. If all predictions equal their targets, the gradient
 * is NaN, as in dfdx and PyTorch.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function rmseLoss<X extends AnyTensor, Y extends AnyTensor>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('rmseLoss', 2, arguments);
  const squared = elementLoss(() => lossSum('squaredError'), 'predictions', predictions, targets, 'mean');
  return sqrt(squared) as never;
}

/**
 * Mean absolute error: the mean of |predictions - targets|. The gradient of a prediction that equals its
 * target is 0.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function maeLoss<X extends AnyTensor, Y extends AnyTensor, R extends LossReduction = 'mean'>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: LossOptions<R>,
): Tensor<ReducedLoss<ShapeOf<X>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('maeLoss', 3, arguments);
  const { reduction } = requireOptions('options', options, ['reduction']);
  const computation = () => lossSum('absoluteError');
  return elementLoss(computation, 'predictions', predictions, targets, readReduction(reduction)) as never;
}

/**
 * Huber's loss (1964): with d = predictions - targets, the mean of d^2 / 2 if |d| < delta and of delta * (|d|
 * - delta / 2) otherwise.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function huberLoss<X extends AnyTensor, Y extends AnyTensor, R extends LossReduction = 'mean'>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: HuberLossOptions<R>,
): Tensor<ReducedLoss<ShapeOf<X>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('huberLoss', 3, arguments);
  const { delta = 1, reduction } = requireOptions('options', options, ['delta', 'reduction']);
  const width = requirePositive('delta', delta);
  const computation = () => lossSum('huber', width);
  return elementLoss(computation, 'predictions', predictions, targets, readReduction(reduction)) as never;
}

/**
 * Smooth L1 loss: `huberLoss` with delta = beta, divided by beta.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function smoothL1Loss<X extends AnyTensor, Y extends AnyTensor, R extends LossReduction = 'mean'>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: SmoothL1LossOptions<R>,
): Tensor<ReducedLoss<ShapeOf<X>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('smoothL1Loss', 3, arguments);
  const { beta = 1, reduction: given } = requireOptions('options', options, ['beta', 'reduction']);
  const width = requirePositive('beta', beta);
  const computation = () => lossSum('huber', width);
  const reduction = readReduction(given);
  return elementLoss(computation, 'predictions', predictions, targets, reduction, 1 / width) as never;
}

/**
 * Binary cross entropy of sigmoid(logits): the mean of -t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)),
 * computed as max(x, 0) - x * t + log(1 + exp(-|x|)), which is accurate for logits of any size. `posWeight` multiplies the
 * first term; as in PyTorch, the mean divides by the number of values and not by weights.
 *
 * @param logits Any shape, with a tape for training.
 * @param targets Probabilities from 0 to 1 of the same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, or for a posWeight that does not fit; TypeError for targets with a
 * tape.
 */
export function binaryCrossEntropyWithLogitsLoss<
  X extends AnyTensor,
  Y extends AnyTensor,
  R extends LossReduction = 'mean',
>(
  logits: X,
  targets: Y & TargetsOf<X, Y>,
  options?: BinaryCrossEntropyOptions<R>,
): Tensor<ReducedLoss<ShapeOf<X>, R>, TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('binaryCrossEntropyWithLogitsLoss', 3, arguments);
  const { reduction, posWeight } = requireOptions('options', options, ['reduction', 'posWeight']);
  const computation = (x: AnyTensor) =>
    posWeight === undefined
      ? lossSum('binaryCrossEntropy')
      : weightedBinaryCrossEntropy(readPositiveWeight(posWeight, x.shape), x.shape);
  return elementLoss(computation, 'logits', logits, targets, readReduction(reduction)) as never;
}
