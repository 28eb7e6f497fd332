import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { storagePool } from '../../core/storage-pool.js';
import type { Image } from '../layout.js';

// The inference of batch norm, (x - mean) / sqrt(variance + epsilon) * scale + bias with one value of each per channel, also
// computes sums, differences and products of planes with one value per channel. With a variance of 1 and an epsilon of 0 these
// have the same bits as the plain operations, because the steps that do nothing are exact.

const constants = new Map<number, Float32Array[]>();

/** An array that repeats a value, which nobody changes. */
export function constantArray(value: number, length: number): Float32Array {
  const arrays = constants.get(value) ?? [];
  constants.set(value, arrays);
  let longest = arrays.at(-1);
  if (longest === undefined || longest.length < length) {
    longest = new Float32Array(Math.max(64, 2 * length)).fill(value);
    arrays[0] = longest;
  }
  return longest;
}

/** planes op channel, or channel op planes if `reversed`, in memory of the pool. */
export function onChannels(
  operation: 'add' | 'sub' | 'mul',
  image: Image,
  planes: Float32Array,
  channel: Float32Array,
  reversed = false,
): Float32Array {
  const { channels } = image;
  const zeros = constantArray(0, channels);
  const ones = constantArray(1, channels);
  const difference = operation === 'sub' && !reversed;
  const out = storagePool.take(planes.length);
  normalizeChannels(image, planes, out, {
    mean: difference ? channel : zeros,
    scale:
      operation === 'mul' ? channel : reversed && operation === 'sub' ? constantArray(-1, channels) : ones,
    bias: operation === 'mul' || difference ? zeros : channel,
    variance: ones,
    epsilon: 0,
  });
  return out;
}

/** One value of each per channel. */
export interface Affine {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly epsilon: number;
}

/** y = (x - mean) / sqrt(variance + epsilon) * scale + bias of planes; y may be x. */
export function normalizeChannels(
  { images, height, width, channels }: Image,
  x: Float32Array,
  y: Float32Array,
  { mean, variance, scale, bias, epsilon }: Affine,
): void {
  native.batchNormInference(
    ...([images, channels, height * width] as const),
    epsilon,
    false,
    named('x', x),
    named('scale', scale),
    named('bias', bias),
    named('runningMean', mean),
    named('runningVar', variance),
    null,
    named('y', y),
  );
}
