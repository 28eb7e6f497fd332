import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { requirePositive } from '../validation/errors.js';
import {
  allocate,
  type RawShape,
  readImage,
  requireArray,
  requireNoOverlap,
  requireObject,
} from './arrays.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Arguments of `batchNormInference`. */
export interface InferenceInput {
  /** Values in row-major order of `shape`. */
  readonly x: Float32Array;
  /** [C, H, W] or [N, C, H, W]. */
  readonly shape: RawShape;
  /** Factor of each channel, of length C. */
  readonly scale: Float32Array;
  /** Added to each channel, of length C. */
  readonly bias: Float32Array;
  /** Mean of each channel, of length C. */
  readonly runningMean: Float32Array;
  /** Variance of each channel, of length C. */
  readonly runningVar: Float32Array;
  /** Default 1e-5. */
  readonly epsilon?: number;
}

/**
 * Computes (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias for each channel.
 *
 * @param out The output array; may be `x`. By default, a new array is allocated.
 * @returns `out`, or the new array.
 * @throws TypeError or RangeError naming the wrong argument; nothing has been written then.
 */
export function batchNormInference(input: InferenceInput, out?: Float32Array): Float32Array {
  if (arguments.length > 2) requireNoSurplus('batchNormInference', 2, arguments);
  const given = requireObject('input', input);
  const image = readImage(given.shape);
  const { images, channels, plane, elements } = image;
  const x = requireArray('x', given.x, elements);
  const scale = requireArray('scale', given.scale, channels);
  const bias = requireArray('bias', given.bias, channels);
  const runningMean = requireArray('runningMean', given.runningMean, channels);
  const runningVar = requireArray('runningVar', given.runningVar, channels);
  const { epsilon: givenEpsilon = 1e-5 } = given;
  const epsilon = requirePositive('epsilon', givenEpsilon);
  if (out !== undefined) {
    requireArray('out', out, elements);
    requireNoOverlap({ out }, { x, scale, bias, runningMean, runningVar }, [['out', 'x']]);
  }
  const y = out === undefined ? allocate('y', elements) : named('y', out);
  backend.batchNormInference(
    images,
    channels,
    plane,
    epsilon,
    false,
    x,
    scale,
    bias,
    runningMean,
    runningVar,
    null,
    y,
  );
  return y;
}
