import { setImmediate } from 'node:timers/promises';
import type { Shape, Unless } from '../core/shape.js';
import { leasesStarted } from '../core/lease.js';
import type { NoneTape, OwnedTape } from '../core/tape.js';
import { graphOf, isTaped, isTensor, type ShapeOf, type Tensor, type Tensor0D } from '../core/tensor.js';
import { releaseIntermediate } from '../nn/compose/intermediates.js';
import { asPart, infer } from '../nn/compose/part.js';
import type { InferringLayer, ShapeProblem } from '../nn/shape-rule.js';
import { requireOptions, typeError, wrongType } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { callSync } from '../validation/synchronous.js';
import {
  type Batches,
  forEachBatch,
  type OutputsOf,
  readBatches,
  readSignal,
  type StopSignal,
  throwIfAborted,
} from './batches.js';
import { type Parallel, type ParallelRun, readParallel } from './parallel.js';
import { measure, type MetricFunctions, MeanScores, readMetrics, type Scores } from './scores.js';
import { wrongResult } from './wrong-result.js';

/** A loss for outputs of a model and the labels of a batch. */
export type LossFunction<M, X extends Tensor<Shape>, L> = (
  outputs: OutputsOf<M, ShapeOf<X>, OwnedTape>,
  targets: L,
) => Tensor0D<OwnedTape>;

/** A metric for outputs of a model and the labels of a batch. */
export type Metric<M, X extends Tensor<Shape>, L> = (
  outputs: OutputsOf<M, ShapeOf<X>, NoneTape>,
  targets: L,
) => number;

/** Settings of `evaluate`. */
export interface EvaluateOptions<M, X extends Tensor<Shape>, L, K extends string> {
  /** The batches. Each is disposed of after its use, unless `data` is an array. */
  readonly data: Batches<X, L>;
  /** A function of the outputs, which have a tape as in training, and the labels: the mean over the batch. */
  readonly loss?: LossFunction<M, X, L> | undefined;
  /** Functions of the outputs, which have no tape, and the labels, under names of your choice, such as `{ accuracy }`. The
   * outputs are released afterwards. */
  readonly metrics?: Readonly<Record<K, Metric<M, X, L>>>;
  /** Stops between two batches; the promise rejects with the signal's reason. */
  readonly signal?: StopSignal;
  /** A `DataParallel`, to evaluate on several ranks: all of them call `evaluate`, with data from `parallel.shard(loader)`, and
   * get the means over the samples of all ranks. */
  readonly parallel?: Parallel;
}

/**
 * Computes the loss and the metrics of a model on a dataset by inference. The event loop runs between batches.
 *
 * @param model A module from one tensor to one tensor, such as a `Sequential`; its `forward` is called with each batch.
 * @returns The mean of each score over all samples: the scores of a batch are weighted by its size.
 * @throws RangeError if there are no batches; errors of the model, the loss and the metrics.
 *
 * @example
 * const { loss, accuracy: right } = await evaluate(model, {
 *   data: loader,
 *   loss: crossEntropyWithLogitsLoss,
 *   metrics: { accuracy },
 * });
 */
export async function evaluate<
  M extends InferringLayer,
  X extends Tensor<Shape>,
  L,
  K extends string = never,
>(
  model: M & Unless<M, ShapeProblem<M, ShapeOf<X>> & string>,
  options: EvaluateOptions<M, X, L, K> & { readonly loss: LossFunction<M, X, L> },
): Promise<Scores<K | 'loss'>>;
/** The same without a loss: the result has the metrics only. */
export async function evaluate<M extends InferringLayer, X extends Tensor<Shape>, L, K extends string>(
  model: M & Unless<M, ShapeProblem<M, ShapeOf<X>> & string>,
  options: EvaluateOptions<M, X, L, K>,
): Promise<Scores<K>>;
export async function evaluate(model: unknown, options: unknown): Promise<Scores<string>> {
  if (arguments.length > 2) requireNoSurplus('evaluate', 2, arguments);
  asPart('model', model);
  if (options === undefined) throw wrongType('options', 'an object', options);
  const given = requireOptions('options', options, ['data', 'loss', 'metrics', 'signal', 'parallel']);
  const loss = given.loss === undefined ? undefined : readLossFunction(given.loss);
  const metrics = readMetrics(given.metrics);
  if (loss === undefined && Object.keys(metrics).length === 0) {
    throw typeError('ERR_BATCHNORM_TYPE', 'Expected loss or metrics in options but received neither');
  }
  const parallel = readParallel(given.parallel, model);
  const data = readBatches('data', given.data, parallel);
  const signal = readSignal(given.signal);
  if (parallel === undefined) throwIfAborted(signal);
  return evaluateBatches('data', { model, data, loss, metrics, signal, parallel });
}

/** A loss whose argument types are no longer known. */
export type AnyLoss = (outputs: Tensor<Shape, OwnedTape>, targets: unknown) => unknown;

export function readLossFunction(loss: unknown): AnyLoss {
  if (typeof loss !== 'function') throw wrongType('loss', 'a function of (outputs, targets)', loss);
  return loss as AnyLoss;
}

/** Calls a loss and checks its result. */
export function computeLoss(
  loss: AnyLoss,
  outputs: Tensor<Shape, OwnedTape>,
  targets: unknown,
): Tensor0D<OwnedTape> {
  const value = callSync('loss', () => loss(outputs, targets));
  const expected = 'a function that returns a scalar Tensor with a tape';
  if (!isTensor(value) || value.shape.length !== 0 || !isTaped(value)) {
    throw wrongResult('loss', expected, value);
  }
  return value as Tensor0D<OwnedTape>;
}

/** The checked arguments of `evaluateBatches`. */
export interface Evaluation {
  readonly model: unknown;
  readonly data: Batches<Tensor<Shape>, unknown>;
  readonly loss: AnyLoss | undefined;
  readonly metrics: MetricFunctions;
  readonly signal: StopSignal | undefined;
  readonly parallel: ParallelRun | undefined;
}

/** Evaluates checked arguments. */
export async function evaluateBatches(
  argument: string,
  { model, data, loss, metrics, signal, parallel }: Evaluation,
): Promise<Scores<string>> {
  const names = [...(loss === undefined ? [] : ['loss']), ...Object.keys(metrics)];
  const scores = new MeanScores(names);
  await forEachBatch(argument, data, async ({ x, labels }) => {
    if (parallel !== undefined && signal?.aborted === true) return;
    throwIfAborted(signal);
    if (parallel !== undefined && x.shape[0] === 0) return;
    const since = leasesStarted();
    const outputs = infer(model, x);
    if (!isTensor(outputs) || isTaped(outputs)) {
      throw wrongResult('model', 'a module whose forward() returns a Tensor without a tape', outputs);
    }
    try {
      scores.add(x.shape[0], {
        ...(loss === undefined ? {} : { loss: lossOf(loss, outputs as Tensor<Shape>, labels) }),
        ...measure(metrics, outputs as Tensor<Shape>, labels),
      });
    } finally {
      releaseIntermediate(outputs, x, since);
    }
    await setImmediate();
  });
  if (parallel === undefined) return scores.means();
  parallel.nextStep(undefined, signal?.aborted === true);
  throwIfAborted(signal);
  return parallel.means(scores.means(), scores.samples).scores;
}

/** The value of a loss, whose graph is released. */
function lossOf(loss: AnyLoss, outputs: Tensor<Shape>, labels: unknown): number {
  const traced = outputs.trace({ gradient: false });
  const graph = graphOf(traced);
  try {
    return computeLoss(loss, traced, labels).item();
  } finally {
    graph?.consume(new Set());
    traced.dispose();
  }
}
