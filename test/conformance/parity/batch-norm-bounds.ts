import {
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  type OwnedTape,
  type Shape,
  type Tensor,
  type Tensor1D,
} from 'batchnorm';
import { type BatchNormCase, type BatchNormStep, readCases } from '../reference/read.js';
import {
  batchNormReference,
  channelIndices,
  type Layout,
  type TrainingReference,
} from '../../support/float64.js';
import { largest, roundoff } from '../../support/expect-within.js';

// PyTorch's batch norm as numbers, and the errors that the numerics contract allows.

// The bounds of the numerics contract, relative to the magnitudes summed in each channel: the same for all cases,
// however large their means and small their variances.
export const yBound = 1e-6;
export const dxBound = 4e-6;
export const sumBound = 1e-6;
export const statisticsBound = 1e-6;

// Between PyTorch in float64 and the float64 formulas: a mean of 1e4 with deviation 1 costs four digits.
export const float64Bound = 1e-11;

export const cases = readCases<BatchNormCase>('pytorch/batch_norm.jsonl');

/** The members that the layers for signals, images and volumes share. */
export interface AnyBatchNorm {
  readonly scale: Tensor1D<number> | undefined;
  readonly bias: Tensor1D<number> | undefined;
  readonly runningMean: Tensor1D<number>;
  readonly runningVar: Tensor1D<number>;
  forward(x: Tensor<Shape>): Tensor<Shape>;
  forwardMut(x: Tensor<Shape, OwnedTape>): Tensor<Shape, OwnedTape>;
}

export interface Bounds {
  readonly exact: TrainingReference;
  /** Absolute bounds per channel. */
  readonly y: readonly number[];
  readonly dx: readonly number[];
  readonly dscale: readonly number[];
  readonly dbias: readonly number[];
}

/** The error that the contract allows for a step. */
export function boundsOf(reference: BatchNormCase, step: BatchNormStep): Bounds {
  const { epsilon } = reference;
  const { scale, bias } = affineOf(reference);
  const layout = layoutOf(reference);
  const { x, dy, y } = step;
  // The file's decimals denote float32 values; parsed as float64 they would differ.
  const [x32, dy32, scale32, bias32] = [x, dy, scale, bias].map((each) => Float32Array.from(each));
  const exact = batchNormReference(x32, dy32, layout, scale32, bias32, epsilon);
  const perChannel = (bound: (c: number, indices: readonly number[]) => number) =>
    scale.map((_, c) => bound(c, [...channelIndices(layout, c)]));
  const invStd = (c: number) => 1 / Math.sqrt(exact.statistics[c].variance + epsilon);
  return {
    exact,
    y: perChannel((c, at) => yBound * outputScale(at, y, bias[c])),
    dx: perChannel((c, at) => dxBound * largest(at.map((i) => scale[c] * invStd(c) * dy[i]))),
    dscale: perChannel((c, at) => {
      const { mean } = exact.statistics[c];
      return sumBound * sum(at.map((i) => Math.abs(dy[i] * (x[i] - mean) * invStd(c))));
    }),
    dbias: perChannel((_, at) => sumBound * sum(at.map((i) => Math.abs(dy[i])))),
  };
}

/** max(|y - bias|, |bias|), to which the error of a channel's output is relative. */
export function outputScale(at: readonly number[], y: readonly number[], bias: number): number {
  return Math.max(largest(at.map((i) => y[i] - bias)), Math.abs(bias));
}

export interface Statistics {
  readonly running_mean: readonly number[];
  readonly running_var: readonly number[];
}

/** The error allowed for the running statistics, per channel. */
export interface Drift {
  readonly mean: readonly number[];
  readonly variance: readonly number[];
}

/**
 * The bound after another step: the previous error with the weight of the old value, the error of the batch with the
 * weight of the new one, and the rounding of the batch statistic and of the result to float32.
 */
export function grow(
  drift: Drift,
  weight: number,
  { statistics }: TrainingReference,
  before: Statistics,
  after: Statistics,
): Drift {
  const next = (earlier: number, batch: number, old: number, result: number) =>
    (1 - weight) * earlier +
    weight * batch +
    2 * roundoff * Math.max((1 - weight) * Math.abs(old), Math.abs(result));
  return {
    mean: drift.mean.map((earlier, c) => {
      const { mean, variance } = statistics[c];
      const batch = statisticsBound * Math.sqrt(variance) + roundoff * Math.abs(mean);
      return next(earlier, batch, before.running_mean[c], after.running_mean[c]);
    }),
    variance: drift.variance.map((earlier, c) => {
      const { count, variance } = statistics[c];
      const batch = ((statisticsBound + roundoff) * (variance * count)) / (count - 1);
      return next(earlier, batch, before.running_var[c], after.running_var[c]);
    }),
  };
}

/** The contract's bound on y plus the first-order effect of errors in the running statistics. */
export function inferenceBounds(reference: BatchNormCase, drift: Drift | undefined): readonly number[] {
  const { epsilon, y_infer: y } = reference;
  const { scale, bias } = affineOf(reference);
  const { running_var } = lastOf(reference);
  return scale.map((factor, c) => {
    const at = [...channelIndices(layoutOf(reference), c)];
    const contract = yBound * outputScale(at, y, bias[c]);
    if (drift === undefined) return contract;
    const variance = running_var[c] + epsilon;
    const fromMean = Math.abs(factor / Math.sqrt(variance)) * drift.mean[c];
    const fromVariance = largest(at.map((i) => y[i] - bias[c])) * (drift.variance[c] / variance / 2);
    return contract + fromMean + fromVariance;
  });
}

export function load(
  reference: BatchNormCase,
  mean: readonly number[],
  variance: readonly number[],
): AnyBatchNorm {
  const { scale, bias, epsilon, momentum, channels_last = false } = reference;
  const options = { epsilon, momentum, affine: scale !== undefined, channelsLast: channels_last };
  const bn: AnyBatchNorm = new (classOf(reference))<number, boolean, boolean>(mean.length, options);
  if (scale !== undefined) bn.scale?.data.set(scale);
  if (bias !== undefined) bn.bias?.data.set(bias);
  bn.runningMean.data.set(mean);
  bn.runningVar.data.set(variance);
  return bn;
}

/** The scale and the bias of the formulas. */
export function affineOf({ scale, bias, running_mean }: BatchNormCase) {
  return { scale: scale ?? running_mean.map(() => 1), bias: bias ?? running_mean.map(() => 0) };
}

export function layoutOf({ shape, channel_axis: axis = shape.length - 3 }: BatchNormCase): Layout {
  const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
  return {
    images: product(shape.slice(0, axis)),
    channels: shape[axis],
    plane: product(shape.slice(axis + 1)),
  };
}

/** The layer for the axes after the channels; tables have none. */
export function classOf({ shape, channels_last, channel_axis: axis = shape.length - 3 }: BatchNormCase) {
  const axes = channels_last === true ? shape.length - 2 : shape.length - 1 - axis;
  return axes === 3 ? BatchNorm3D : axes === 2 ? BatchNorm2D : BatchNorm1D;
}

export function channelAt({ channels, plane }: Layout, index: number): number {
  return Math.floor(index / plane) % channels;
}

export function lastOf({ steps }: BatchNormCase): BatchNormStep {
  return steps[steps.length - 1];
}

export function valuesOf(gradient: { readonly data: Float32Array } | undefined): Float32Array {
  if (gradient === undefined) throw new Error('Expected a gradient');
  return gradient.data;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
