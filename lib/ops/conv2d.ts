import { columnsOf, type Pair, requirePair, rowsOf } from '../core/pair.js';
import { formatShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { Tensor } from '../core/tensor.js';
import { requirePositiveInteger, wrongShape } from '../validation/errors.js';
import {
  convolution,
  convolvedAxis,
  kernelExtent,
  requireBias,
  requireGroups,
  sizesOf,
} from './convolution.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { type Padding2D, padding2DOf, requirePadding2D } from './padding.js';

/** Settings of a convolution. */
export interface Conv2DSettings {
  /** Number of rows and columns between neighboring positions of the kernel. Default 1. */
  readonly stride?: Pair;
  /** Rows and columns of zeros around the image. Default 0. */
  readonly padding?: Padding2D;
  /** Number of rows and columns between neighboring pixels that the kernel reads. Default 1. */
  readonly dilation?: Pair;
  /** Number of groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

/**
 * Cross-correlation of images: y[n][o][r][c] = bias[o] + the sum over i, s, t of weight[o][i][s][t] *
 * x[n][i][r * stride - padding + s * dilation][c * stride - padding + t * dilation]. With groups, output channel o reads
 * only the input channels of its group.
 *
 * @param x [I, H, W] or [N, I, H, W].
 * @param weight [O, I / groups, K, L].
 * @param bias [O], or undefined for none.
 * @returns [O, H', W'] or [N, O, H', W'], with H' = floor((H + top + bottom - dilation * (K - 1) - 1) / stride) + 1 and
 * W' likewise.
 * @throws RangeError if the shapes do not match.
 */
export function conv2d<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  settings: Conv2DSettings = {},
): Tensor<S, T> {
  const stride = requirePair('stride', settings.stride ?? 1, 1);
  const dilation = requirePair('dilation', settings.dilation ?? 1, 1);
  const padding = requirePadding2D('padding', settings.padding ?? 0, stride);
  const groups = requirePositiveInteger('groups', settings.groups ?? 1);
  requireTensor('x', x);
  const [outChannels, inChannels, kernelHeight, kernelWidth] = readWeight(requireTensor('weight', weight));
  requireGroups('the output channels of weight', groups, outChannels);
  if (bias !== undefined) requireBias(requireTensor('bias', bias), outChannels);
  const { images, height, width } = readImages(x, inChannels * groups);
  const [dilationHeight, dilationWidth] = [rowsOf(dilation), columnsOf(dilation)];
  const [vertical, horizontal] = padding2DOf(padding, [
    kernelExtent(kernelHeight, dilationHeight),
    kernelExtent(kernelWidth, dilationWidth),
  ]);
  const { shape } = x;
  const rows = convolvedAxis('height', height, kernelHeight, rowsOf(stride), dilationHeight, vertical, shape);
  const columns = convolvedAxis(
    'width',
    width,
    kernelWidth,
    columnsOf(stride),
    dilationWidth,
    horizontal,
    shape,
  );
  const sizes = sizesOf(images, groups, inChannels, outChannels / groups, rows, columns);
  const image = [outChannels, rows.outSize, columns.outSize];
  return convolution(x, weight, bias, sizes, shape.length === 4 ? [images, ...image] : image);
}

/** The shape of the weight of images. */
export function readWeight({ shape }: AnyTensor): readonly [number, number, number, number] {
  if (shape.length !== 4 || shape[2] === 0 || shape[3] === 0) {
    throw wrongShape(
      'weight',
      'a 4D tensor with a kernel in its last two axes',
      `shape ${formatShape(shape)}`,
    );
  }
  return [shape[0], shape[1], shape[2], shape[3]];
}

/**
 * The number of images, and their height and width.
 * @throws RangeError unless the shape is [channels, H, W] or [N, channels, H, W].
 */
export function readImages({ shape }: AnyTensor, channels: number) {
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
