import { backend } from '../backend/index.js';
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

/** Arguments of `batchNormBackward`. */
export interface BackwardInput {
  /** The input of the forward pass, in row-major order of `shape`. */
  readonly x: Float32Array;
  /** Gradient of the loss with respect to the output. */
  readonly dy: Float32Array;
  /** [C, H, W] or [N, C, H, W]. */
  readonly shape: RawShape;
  /** Scale of the forward pass, of length C. */
  readonly scale: Float32Array;
  /** From `batchNormTraining`, of length C. */
  readonly mean: Float32Array;
  /** From `batchNormTraining`, of length C. */
  readonly meanLow: Float32Array;
  /** From `batchNormTraining`, of length C. */
  readonly invStd: Float32Array;
}

/** Gradients of the loss. */
export interface BackwardOutput {
  /** With respect to the input, in row-major order of `shape`. */
  readonly dx: Float32Array;
  /** With respect to the scale, of length C. */
  readonly dscale: Float32Array;
  /** With respect to the bias, of length C. */
  readonly dbias: Float32Array;
}

/**
 * Computes the gradients of `batchNormTraining` (Ioffe and Szegedy, 2015, section 3): with n values per
 * channel and x^ = (x - mean) * invStd, dbias = sum(dy), dscale = sum(dy * x^) and dx = scale * invStd * (dy
 * - dbias / n - x^ * dscale / n).
 *
 * @param out All three output arrays; `dx` may be `dy`. By default, new arrays are allocated.
 * @returns `out`, or the new arrays.
 * @throws TypeError or RangeError naming the wrong argument; nothing has been written then.
 */
export function batchNormBackward(input: BackwardInput, out?: BackwardOutput): BackwardOutput {
  if (arguments.length > 2) requireNoSurplus('batchNormBackward', 2, arguments);
  const given = requireObject('input', input);
  const image = readImage(given.shape);
  const { images, channels, plane, elements } = image;
  const x = requireArray('x', given.x, elements);
  const dy = requireArray('dy', given.dy, elements);
  const scale = requireArray('scale', given.scale, channels);
  const mean = requireArray('mean', given.mean, channels);
  const meanLow = requireArray('meanLow', given.meanLow, channels);
  const invStd = requireArray('invStd', given.invStd, channels);
  requireBatch('x', image, image.shape);
  const { dx, dscale, dbias } =
    out === undefined ? allocateOut(elements, channels) : readOut(out, elements, channels);
  requireNoOverlap({ dx, dscale, dbias }, { x, dy, scale, mean, meanLow, invStd }, [['dx', 'dy']]);
  backend.batchNormBackward(
    images,
    channels,
    plane,
    false,
    x,
    dy,
    scale,
    mean,
    meanLow,
    invStd,
    null,
    null,
    null,
    dx,
    null,
    dscale,
    dbias,
  );
  return out ?? { dx, dscale, dbias };
}

function readOut(out: unknown, elements: number, channels: number) {
  const given = requireObject('out', out);
  return {
    dx: requireArray('out.dx', given.dx, elements),
    dscale: requireArray('out.dscale', given.dscale, channels),
    dbias: requireArray('out.dbias', given.dbias, channels),
  };
}

function allocateOut(elements: number, channels: number) {
  return {
    dx: allocate('dx', elements),
    dscale: allocate('dscale', channels),
    dbias: allocate('dbias', channels),
  };
}
