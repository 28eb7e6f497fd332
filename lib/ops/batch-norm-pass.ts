import type { Accumulate, BackwardFn, Graph } from '../core/graph.js';
import { graphsOf, recorded } from '../core/record.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { OwnedTape, Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { affineOf, type BatchNormState, type Fusion, learnedOf } from './batch-norm-state.js';

// The parts of a training pass that are the same whether the statistics are those of one batch or of the batches of all
// ranks.

/** What a pass reads. */
export interface PassOperands {
  /** x, the learned parameters and the residual, as far as there are any. */
  readonly inputs: readonly Tensor<Shape, Tape>[];
  readonly graphs: readonly Graph[];
  readonly isLearned: boolean;
  readonly input: Storage;
  readonly residual: Storage | null;
  readonly scale: Storage;
  readonly bias: Storage;
}

export function readOperands(
  x: Tensor<Shape, OwnedTape>,
  state: BatchNormState,
  fusion: Fusion | undefined,
): PassOperands {
  const learned = learnedOf(state);
  const inputs: Tensor<Shape, Tape>[] = [x, ...learned];
  if (fusion?.residual !== undefined) inputs.push(fusion.residual);
  return {
    inputs,
    graphs: graphsOf(inputs),
    isLearned: learned.length > 0,
    input: storageOf(x),
    residual: fusion?.residual === undefined ? null : storageOf(fusion.residual),
    ...affineOf(state),
  };
}

/** What a pass keeps of the statistics for the backward pass, one value per channel each. */
export interface KeptStatistics {
  readonly mean: Storage;
  /** The part of the mean that float32 rounds off. */
  readonly meanLow: Storage;
  readonly invStd: Storage;
  /** Factors and shifts from which the backward pass recomputes the sign of the ReLU's output. */
  readonly relu: { readonly factor: Storage; readonly shift: Storage } | null;
}

export function takeStatistics(channels: number, fusion: Fusion | undefined): KeptStatistics {
  return {
    mean: Storage.take(channels),
    meanLow: Storage.take(channels),
    invStd: Storage.take(channels),
    relu: fusion === undefined ? null : { factor: Storage.take(channels), shift: Storage.take(channels) },
  };
}

/** Records the pass as one operation, which takes over the statistics. */
export function recordPass<S extends Shape>(
  { inputs, graphs, input, scale }: PassOperands,
  { mean, meanLow, invStd, relu }: KeptStatistics,
  shape: S,
  output: Storage,
  backward: BackwardFn,
): Tensor<S, OwnedTape> {
  const statistics = [mean, meanLow, invStd];
  if (relu !== null) statistics.push(relu.factor, relu.shift);
  const result = recorded<S, OwnedTape>(graphs, inputs, shape, output, () => ({
    saved: relu === null ? [input, scale, ...statistics] : [input, output, scale, ...statistics],
    backward,
  }));
  for (const each of statistics) each.release();
  return result;
}

/** The gradients of a pass; null for those that it does not have. */
export interface PassGradients {
  readonly dx: Storage;
  readonly dresidual: Storage | null;
  readonly dscale: Storage | null;
  readonly dbias: Storage | null;
}

/** Passes the gradients on, in the order of separate operations, in which the sum's gradient precedes the normalization's. */
export function passOn(
  { inputs }: PassOperands,
  accumulate: Accumulate,
  { dx, dresidual, dscale, dbias }: PassGradients,
): void {
  if (dresidual !== null) accumulate(inputs.length - 1, dresidual);
  accumulate(0, dx);
  if (dscale !== null) accumulate(1, dscale);
  if (dbias !== null) accumulate(2, dbias);
}
