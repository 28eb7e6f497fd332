import type { Argument } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { requireFraction, requirePositive } from '../validation/errors.js';
import { requireBatch } from '../ops/image-shape.js';
import {
  allocate,
  type RawShape,
  readImage,
  requireArray,
  requireNoOverlap,
  requireObject,
} from './arrays.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Arguments of `batchNormTraining`. */
export interface TrainingInput {
  /** Values in row-major order of `shape`, at least two per channel. */
  readonly x: Float32Array;
  /** [C, H, W] or [N, C, H, W]. */
  readonly shape: RawShape;
  /** Factor of each channel, of length C. */
  readonly scale: Float32Array;
  /** Added to each channel, of length C. */
  readonly bias: Float32Array;
  /** Updated in place with the mean of the batch, of length C; give both running statistics or neither. */
  readonly runningMean?: Float32Array;
  /** Updated in place with the unbiased variance of the batch, of length C. */
  readonly runningVar?: Float32Array;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the batch in the running statistics. Default 0.1. */
  readonly momentum?: number;
}

/** Results of `batchNormTraining`. All except `y` have length C and are inputs of `batchNormBackward`. */
export interface TrainingOutput {
  /** Values in row-major order of `shape`. */
  readonly y: Float32Array;
  /** Batch mean, rounded to float32. */
  readonly mean: Float32Array;
  /** Rounding error of `mean`: mean + meanLow is the batch mean to twice the precision. */
  readonly meanLow: Float32Array;
  /** 1 / sqrt(var + epsilon), with the biased variance of the batch. */
  readonly invStd: Float32Array;
}

/**
 * Computes (x - mean) / sqrt(var + epsilon) * scale + bias for each channel, with the mean and the biased
 * variance of this batch. Updates the running statistics by running = (1 - momentum) * running + momentum *
 * batch; runningVar takes the unbiased variance.
 *
 * @param out All four output arrays. By default, new arrays are allocated.
 * @returns `out`, or the new arrays.
 * @throws TypeError or RangeError naming the wrong argument; nothing has been written then.
 */
export function batchNormTraining(input: TrainingInput, out?: TrainingOutput): TrainingOutput {
  if (arguments.length > 2) requireNoSurplus('batchNormTraining', 2, arguments);
  const given = requireObject('input', input);
  const image = readImage(given.shape);
  const { images, channels, plane, elements } = image;
  const x = requireArray('x', given.x, elements);
  const scale = requireArray('scale', given.scale, channels);
  const bias = requireArray('bias', given.bias, channels);
  const running = readRunning(given, channels);
  const { epsilon: givenEpsilon = 1e-5, momentum: givenMomentum = 0.1 } = given;
  const epsilon = requirePositive('epsilon', givenEpsilon);
  const momentum = requireFraction('momentum', givenMomentum);
  requireBatch('x', image, image.shape);
  const { y, mean, meanLow, invStd } =
    out === undefined ? allocateOut(elements, channels) : readOut(out, elements, channels);
  requireNoOverlap({ y, mean, meanLow, invStd, ...running }, { x, scale, bias });
  backend.batchNormTraining(
    images,
    channels,
    plane,
    epsilon,
    momentum,
    false,
    x,
    scale,
    bias,
    running?.runningMean ?? null,
    running?.runningVar ?? null,
    null,
    y,
    mean,
    meanLow,
    invStd,
    null,
    null,
  );
  return out ?? { y, mean, meanLow, invStd };
}

function readRunning(
  { runningMean, runningVar }: Readonly<Record<string, unknown>>,
  channels: number,
): { runningMean: Argument<'runningMean'>; runningVar: Argument<'runningVar'> } | undefined {
  if (runningMean === undefined && runningVar === undefined) return undefined;
  return {
    runningMean: requireArray('runningMean', runningMean, channels),
    runningVar: requireArray('runningVar', runningVar, channels),
  };
}

function readOut(out: unknown, elements: number, channels: number) {
  const given = requireObject('out', out);
  return {
    y: requireArray('out.y', given.y, elements),
    mean: requireArray('out.mean', given.mean, channels),
    meanLow: requireArray('out.meanLow', given.meanLow, channels),
    invStd: requireArray('out.invStd', given.invStd, channels),
  };
}

function allocateOut(elements: number, channels: number) {
  return {
    y: allocate('y', elements),
    mean: allocate('mean', channels),
    meanLow: allocate('meanLow', channels),
    invStd: allocate('invStd', channels),
  };
}
