import { columnsOf, type Pair, requirePair, rowsOf } from '../core/pair.js';
import type { Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { Tensor } from '../core/tensor.js';
import { requirePositiveInteger } from '../validation/errors.js';
import { readImages, readWeight } from './conv2d.js';
import { requireBias, requireGroups, sizesOf, transposedAxis, transposedConvolution } from './convolution.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { padding2DOf, requireSides2D, type Sides2D } from './padding.js';

/** Settings of a transposed convolution. */
export interface ConvTranspose2DSettings {
  /** Rows and columns between the results of neighboring pixels. Default 1. */
  readonly stride?: Pair;
  /** Rows and columns that are cut off on the sides of the result. Default 0. */
  readonly padding?: Sides2D;
  /** Further rows at the bottom and columns to the right of the result. Default 0. */
  readonly outputPadding?: Pair;
  /** Rows and columns between neighboring results of a pixel. Default 1. */
  readonly dilation?: Pair;
  /** Number of groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

/**
 * Transposed convolution of images: pixel x[n][i][r][c] times weight[i][o][s][t] is added to y[n][o][r * stride - padding + s *
 * dilation][c * stride - padding + t * dilation]. This is the input gradient of a convolution with the same weight.
 *
 * @param x [I, H, W] or [N, I, H, W].
 * @param weight [I, O / groups, K, L].
 * @param bias [O], or undefined for none.
 * @returns [O, H', W'] or [N, O, H', W'], with H' = (H - 1) * stride - top - bottom + dilation * (K - 1) + outputPadding + 1
 * and W' likewise.
 * @throws RangeError if the shapes do not match.
 */
export function convTranspose2d<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  settings: ConvTranspose2DSettings = {},
): Tensor<S, T> {
  const stride = requirePair('stride', settings.stride ?? 1, 1);
  const padding = requireSides2D('padding', settings.padding ?? 0);
  const outputPadding = requirePair('outputPadding', settings.outputPadding ?? 0, 0);
  const dilation = requirePair('dilation', settings.dilation ?? 1, 1);
  const groups = requirePositiveInteger('groups', settings.groups ?? 1);
  const { shape } = requireTensor('x', x);
  const [inChannels, outChannels, kernelHeight, kernelWidth] = readWeight(requireTensor('weight', weight));
  requireGroups('the input channels of weight', groups, inChannels);
  if (bias !== undefined) requireBias(requireTensor('bias', bias), outChannels * groups);
  const { images, height, width } = readImages(x, inChannels);
  const [vertical, horizontal] = padding2DOf(padding, [0, 0]);
  const rows = transposedAxis(
    'height',
    height,
    kernelHeight,
    rowsOf(stride),
    rowsOf(dilation),
    vertical,
    rowsOf(outputPadding),
    shape,
  );
  const columns = transposedAxis(
    'width',
    width,
    kernelWidth,
    columnsOf(stride),
    columnsOf(dilation),
    horizontal,
    columnsOf(outputPadding),
    shape,
  );
  const sizes = sizesOf(images, groups, outChannels, inChannels / groups, rows, columns);
  const image = [outChannels * groups, rows.size, columns.size];
  return transposedConvolution(x, weight, bias, sizes, shape.length === 4 ? [images, ...image] : image);
}
