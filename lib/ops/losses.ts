import { graphsOf, recorded } from '../core/record.js';
import { backend, type Operations } from '../backend/index.js';
import { requireOptions, requirePositive, typeError, wrongShape } from '../validation/errors.js';
import type { SameShape, Shape, Unless } from '../core/shape.js';
import { formatShape, sameShape, scalarShape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { isTaped, type ShapeOf, storageOf, type TapeOf, type Tensor } from '../core/tensor.js';
import { requireTensor } from './operand.js';
import { sqrt } from './unary.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of `huberLoss`. */
export interface HuberLossOptions {
  /**
   * Magnitude of the difference beyond which the loss is linear rather than quadratic; positive. Default 1, as in
   * PyTorch.
   */
  readonly delta?: number;
}

/** Settings of `smoothL1Loss`. */
export interface SmoothL1LossOptions {
  /**
   * Magnitude of the difference beyond which the loss is linear rather than quadratic; positive. Default 1, as in
   * PyTorch.
   */
  readonly beta?: number;
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
export function mseLoss<X extends AnyTensor, Y extends AnyTensor>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('mseLoss', 2, arguments);
  return meanLoss(backend.squaredError, 'predictions', predictions, targets);
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
  return sqrt(meanLoss<X>(backend.squaredError, 'predictions', predictions, targets));
}

/**
 * Mean absolute error: the mean of |predictions - targets|. The gradient of a prediction that equals its
 * target is 0.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function maeLoss<X extends AnyTensor, Y extends AnyTensor>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('maeLoss', 2, arguments);
  return meanLoss(backend.absoluteError, 'predictions', predictions, targets);
}

/**
 * Huber's loss (1964): with d = predictions - targets, the mean of d^2 / 2 if |d| < delta and of delta * (|d|
 * - delta / 2) otherwise.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function huberLoss<X extends AnyTensor, Y extends AnyTensor>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: HuberLossOptions,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('huberLoss', 3, arguments);
  const { delta = 1 } = requireOptions('options', options, ['delta']);
  return meanLoss(backend.huber, 'predictions', predictions, targets, requirePositive('delta', delta));
}

/**
 * Smooth L1 loss: `huberLoss` with delta = beta, divided by beta.
 *
 * @param predictions Any shape, with a tape for training.
 * @param targets The same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function smoothL1Loss<X extends AnyTensor, Y extends AnyTensor>(
  predictions: X,
  targets: Y & TargetsOf<X, Y>,
  options?: SmoothL1LossOptions,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 3) requireNoSurplus('smoothL1Loss', 3, arguments);
  const { beta = 1 } = requireOptions('options', options, ['beta']);
  const width = requirePositive('beta', beta);
  return meanLoss(backend.huber, 'predictions', predictions, targets, width, 1 / width);
}

/**
 * Binary cross entropy of sigmoid(logits): the mean of -t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)),
 * computed as max(x, 0) - x * t + log(1 + exp(-|x|)), which is accurate for logits of any size.
 *
 * @param logits Any shape, with a tape for training.
 * @param targets Probabilities from 0 to 1 of the same shape, without a tape: they receive no gradient.
 * @throws RangeError if the shapes differ or are empty, TypeError for targets with a tape.
 */
export function binaryCrossEntropyWithLogitsLoss<X extends AnyTensor, Y extends AnyTensor>(
  logits: X,
  targets: Y & TargetsOf<X, Y>,
): Tensor<readonly [], TapeOf<X>> {
  if (arguments.length > 2) requireNoSurplus('binaryCrossEntropyWithLogitsLoss', 2, arguments);
  return meanLoss(backend.binaryCrossEntropy, 'logits', logits, targets);
}

/** weight * loss / n. With a tape, the same pass computes the gradient. */
function meanLoss<X extends AnyTensor>(
  kernel: Operations['huber'],
  name: string,
  predictions: X,
  targets: unknown,
  parameter = 0,
  weight = 1,
): Tensor<readonly [], TapeOf<X>> {
  const x = requireTensor(name, predictions);
  const target = requireTensor('targets', targets);
  if (isTaped(target)) {
    throw typeError('ERR_BATCHNORM_TAPE', 'Expected a tensor without a tape for targets, but it has one');
  }
  if (!sameShape(target.shape, x.shape)) {
    throw wrongShape('targets', `shape ${formatShape(x.shape)}`, `shape ${formatShape(target.shape)}`);
  }
  const input = storageOf(x);
  const n = input.values.length;
  if (n === 0) throw wrongShape(name, 'at least one value', `shape ${formatShape(x.shape)}`);

  const inputs = [x];
  const graphs = graphsOf(inputs);
  const gradient = graphs.length === 0 ? null : Storage.take(n);
  const result = Storage.take(1);
  const factor = weight / n;
  const sum = kernel(
    n,
    parameter,
    factor,
    input.named('x'),
    storageOf(target).named('target'),
    gradient?.named('gradient') ?? null,
  );
  result.values[0] = sum * factor;
  const loss = recorded<readonly [], TapeOf<X>>(graphs, inputs, scalarShape, result, () => ({
    saved: gradient === null ? [] : [gradient],
    backward: (dy, accumulate) => {
      if (gradient === null) return;
      if (dy.values[0] === 1) {
        accumulate(0, gradient.retain());
        return;
      }
      const dx = Storage.take(n);
      backend.mul(1, n, 1, gradient.named('a'), dy.named('b'), dx.named('out'));
      accumulate(0, dx);
    },
  }));
  gradient?.release();
  return loss;
}
