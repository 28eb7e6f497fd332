import { freshArray } from '../backend/allocation.js';
import { type Argument, named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import type { Accumulate, BackwardFn, Graph } from '../core/graph.js';
import { graphsOf, recorded } from '../core/record.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { OwnedTape, Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { affineOf, type BatchNormState, type Fusion, learnedOf } from './batch-norm-state.js';
import type { ImageShape } from './image-shape.js';

// The parts of a training pass that are the same whether the statistics are those of one batch or of the batches of all
// ranks.

/** The operands of a pass. */
export interface PassOperands {
  /** x, and the learned parameters and the residual, if any. */
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

/** The statistics that a pass keeps for the backward pass, one value per channel each. */
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

/** Arguments from which the backward operations recompute the ReLU's mask; nulls without a ReLU. */
export function reluArguments(
  relu: KeptStatistics['relu'],
  output: Storage,
): readonly [Argument<'y'> | null, Argument<'factor'> | null, Argument<'shift'> | null] {
  if (relu === null) return [null, null, null];
  return [output.named('y'), relu.factor.named('factor'), relu.shift.named('shift')];
}

/** The sums of dy and of dy * (x - mean) of each channel, one after the other. */
export interface GradientSums {
  readonly both: Float64Array;
  readonly sumDy: Argument<'sumDy', Float64Array>;
  readonly sumDyXmu: Argument<'sumDyXmu', Float64Array>;
}

export function takeSums(channels: number): GradientSums {
  const both = freshArray(Float64Array, 'working space', 2 * channels);
  return {
    both,
    sumDy: named('sumDy', both.subarray(0, channels)),
    sumDyXmu: named('sumDyXmu', both.subarray(channels)),
  };
}

/** The first step of the backward pass, which also gives the gradient of a residual: the part of dy that passed the ReLU. */
export function gradientSums(
  { images, channels, plane }: ImageShape,
  { input, residual }: PassOperands,
  statistics: KeptStatistics,
  output: Storage,
  dy: Storage,
): GradientSums & { readonly dresidual: Storage | null } {
  const dresidual = residual === null ? null : Storage.take(dy.values.length);
  const sums = takeSums(channels);
  backend.batchNormGradientSums(
    images,
    channels,
    plane,
    statistics.relu !== null,
    input.named('x'),
    dy.named('dy'),
    statistics.mean.named('mean'),
    statistics.meanLow.named('meanLow'),
    ...reluArguments(statistics.relu, output),
    dresidual?.named('dresidual') ?? null,
    sums.sumDy,
    sums.sumDyXmu,
  );
  return { ...sums, dresidual };
}

/** The gradients of scale and bias, as the fused backward pass computes them. */
export function parameterGradients(
  { sumDy, sumDyXmu }: Pick<GradientSums, 'sumDy' | 'sumDyXmu'>,
  invStd: Pick<Storage, 'values'>,
): { readonly dscale: Storage; readonly dbias: Storage } {
  const channels = sumDy.length;
  const dscale = Storage.take(channels);
  const dbias = Storage.take(channels);
  for (let channel = 0; channel < channels; channel++) {
    dscale.values[channel] = sumDyXmu[channel] * invStd.values[channel];
    dbias.values[channel] = sumDy[channel];
  }
  return { dscale, dbias };
}

/** The gradients of a pass; null for those that it does not have. */
export interface PassGradients {
  readonly dx: Storage | null;
  readonly dresidual: Storage | null;
  readonly dscale: Storage | null;
  readonly dbias: Storage | null;
}

/** For layers without parameters. */
export const noParameterGradients = { dscale: null, dbias: null } as const;

/** Passes the gradients on, in the order of separate operations, in which the sum's gradient precedes the normalization's. */
export function passOn(
  { inputs }: PassOperands,
  accumulate: Accumulate,
  { dx, dresidual, dscale, dbias }: PassGradients,
): void {
  if (dresidual !== null) accumulate(inputs.length - 1, dresidual);
  if (dx !== null) accumulate(0, dx);
  if (dscale !== null) accumulate(1, dscale);
  if (dbias !== null) accumulate(2, dbias);
}
