import { backend } from '../backend/index.js';
import { graphsOf, recorded } from '../core/record.js';
import { formatShape, scalarShape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { requiresGradient, storageOf } from '../core/tensor.js';
import { wrongShape } from '../validation/errors.js';
import { requireUntaped } from './class-targets.js';
import type { LossReduction } from './loss-options.js';
import { type AnyTensor, requireShape, requireTensor } from './operand.js';

/** The storages of a loss: the last two are null unless they are wanted. */
export interface LossStorages {
  readonly x: Storage;
  readonly target: Storage;
  /** Receives each loss times the factor. */
  readonly losses: Storage | null;
  /** Receives the derivative of each loss with respect to x, times the factor. */
  readonly gradient: Storage | null;
}

/** Computes the sum of n losses. */
export type LossSum = (n: number, factor: number, storages: LossStorages) => number;

/** An operation of the backend that computes a loss. */
type LossOperation = 'squaredError' | 'absoluteError' | 'huber' | 'binaryCrossEntropy';

/** A loss of the backend; only huber has a parameter. */
export function lossSum(operation: LossOperation, parameter = 0): LossSum {
  return (n, factor, { x, target, losses, gradient }) =>
    backend[operation](
      ...([n, parameter, factor, x.named('x'), target.named('target')] as const),
      losses?.named('losses') ?? null,
      gradient?.named('gradient') ?? null,
    );
}

/**
 * `weight` times the mean, the sum or each of the losses. With a tape, the same pass computes the gradient.
 * @param name Of the predictions, for messages.
 * @param computation Gives the computation for predictions whose shape was checked.
 */
export function elementLoss(
  computation: (x: AnyTensor) => LossSum,
  name: string,
  predictions: unknown,
  targets: unknown,
  reduction: LossReduction,
  weight = 1,
): AnyTensor {
  const x = requireTensor(name, predictions);
  const target = requireTensor('targets', targets);
  requireUntaped('targets', target);
  requireShape('targets', target, x.shape);
  const input = storageOf(x);
  const n = input.values.length;
  if (n === 0) throw wrongShape(name, 'at least one value', `shape ${formatShape(x.shape)}`);
  const sumOf = computation(x);

  const inputs = [x];
  const graphs = graphsOf(inputs);
  const gradient = graphs.length === 0 || !requiresGradient(x) ? null : Storage.take(n);
  const losses = reduction === 'none' ? Storage.take(n) : null;
  const factor = reduction === 'mean' ? weight / n : weight;
  const sum = sumOf(n, factor, { x: input, target: storageOf(target), losses, gradient });
  const result = losses ?? Storage.take(1);
  if (losses === null) result.values[0] = sum * factor;
  const loss = recorded(graphs, inputs, losses === null ? scalarShape : x.shape, result, () => ({
    saved: gradient === null ? [] : [gradient],
    backward: (dy, accumulate) => {
      if (gradient === null) return;
      if (losses === null && dy.values[0] === 1) {
        accumulate(0, gradient.retain());
        return;
      }
      const dx = Storage.take(n);
      backend.mul(1, n, dy.values.length, gradient.named('a'), dy.named('b'), dx.named('out'));
      accumulate(0, dx);
    },
  }));
  gradient?.release();
  return loss;
}
