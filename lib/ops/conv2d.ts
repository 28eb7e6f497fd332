import { graphsOf, recorded } from '../core/record.js';
import { backend } from '../backend/index.js';
import { requirePositiveInteger, wrongShape, wrongType, wrongValue } from '../validation/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { type AnyTensor, requireTensor } from './operand.js';

/** Settings of a convolution. */
export interface Conv2DSettings {
  /** Number of rows and columns between neighbouring positions of the kernel. Default 1. */
  readonly stride?: number;
  /** Number of rows and columns of zeros on each side of the image. Default 0. */
  readonly padding?: number;
}

/**
 * Cross-correlation of images with square kernels: y[n][o][r][c] = bias[o] + the sum over i, s, t of
 * weight[o][i][s][t] * x[n][i][r * stride - padding + s][c * stride - padding + t].
 *
 * @param x [I, H, W] or [N, I, H, W].
 * @param weight [O, I, K, K].
 * @param bias [O], or undefined for none.
 * @returns [O, H', W'] or [N, O, H', W'], with H' = floor((H + 2 padding - K) / stride) + 1 and W' likewise.
 * @throws RangeError if the shapes do not match.
 */
export function conv2d<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  settings: Conv2DSettings = {},
): Tensor<S, T> {
  const stride = requirePositiveInteger('stride', settings.stride ?? 1);
  const padding = requirePadding('padding', settings.padding ?? 0);
  requireTensor('x', x);
  const [outChannels, inChannels, kernel] = readWeight(requireTensor('weight', weight));
  if (bias !== undefined) requireBias(requireTensor('bias', bias), outChannels);
  const { images, height, width } = readImages(x, inChannels);
  const outHeight = outputSize('height', height, kernel, stride, padding, x.shape);
  const outWidth = outputSize('width', width, kernel, stride, padding, x.shape);

  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  const graphs = graphsOf(inputs);
  const image = storageOf(x);
  const kernels = storageOf(weight);
  const biases = bias === undefined ? undefined : storageOf(bias);
  const result = Storage.take(images * outChannels * outHeight * outWidth);
  const sizes = [images, inChannels, height, width, outChannels, kernel, stride, padding] as const;
  backend.conv2d(
    ...sizes,
    image.named('x'),
    kernels.named('weight'),
    biases?.named('bias') ?? null,
    result.named('y'),
  );
  const shape = [...(x.shape.length === 4 ? [images] : []), outChannels, outHeight, outWidth];
  return recorded(graphs, inputs, Object.freeze(shape) as unknown as S, result, () => ({
    saved: [image, kernels],
    backward: (dy, accumulate, needsGradient) => {
      if (needsGradient(0)) {
        const dx = Storage.take(image.values.length);
        backend.conv2dInputGradient(...sizes, dy.named('dy'), kernels.named('weight'), dx.named('dx'));
        accumulate(0, dx);
      }
      const dweight = Storage.take(kernels.values.length);
      const dbias = biases === undefined ? undefined : Storage.take(outChannels);
      backend.conv2dWeightGradient(
        ...sizes,
        image.named('x'),
        dy.named('dy'),
        dweight.named('dweight'),
        dbias?.named('dbias') ?? null,
      );
      accumulate(1, dweight);
      if (dbias !== undefined) accumulate(2, dbias);
    },
  }));
}

/**
 * Checks a padding.
 * @throws TypeError or RangeError unless it is a non-negative integer.
 */
export function requirePadding(argument: string, value: unknown): number {
  const expected = 'a non-negative integer';
  if (typeof value !== 'number') throw wrongType(argument, expected, value);
  if (!Number.isSafeInteger(value) || value < 0) throw wrongValue(argument, expected, String(value));
  return value;
}

function readWeight({ shape }: AnyTensor): readonly [number, number, number] {
  if (shape.length !== 4 || shape[2] !== shape[3] || shape[2] === 0) {
    throw wrongShape('weight', 'a 4D tensor [O, I, K, K] with square kernels', `shape ${formatShape(shape)}`);
  }
  return [shape[0], shape[1], shape[2]];
}

function requireBias({ shape }: AnyTensor, outChannels: number): void {
  if (shape.length !== 1 || shape[0] !== outChannels) {
    throw wrongShape('bias', `shape [${outChannels}]`, `shape ${formatShape(shape)}`);
  }
}

function readImages({ shape }: AnyTensor, channels: number) {
  const inner = shape.slice(-3);
  if ((shape.length !== 3 && shape.length !== 4) || inner[0] !== channels) {
    throw wrongShape(
      'x',
      `shape [${channels}, H, W] or [N, ${channels}, H, W]`,
      `shape ${formatShape(shape)}`,
    );
  }
  return { images: shape.length === 4 ? shape[0] : 1, height: inner[1], width: inner[2] };
}

function outputSize(
  axis: string,
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  shape: Shape,
): number {
  if (size + 2 * padding < kernel) {
    throw wrongShape(
      'x',
      `a ${axis} of at least ${kernel - 2 * padding} for a kernel of ${kernel} with a padding of ${padding}`,
      `shape ${formatShape(shape)}`,
    );
  }
  return Math.floor((size + 2 * padding - kernel) / stride) + 1;
}
