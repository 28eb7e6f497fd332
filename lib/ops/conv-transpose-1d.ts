import type { Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { Tensor } from '../core/tensor.js';
import { requirePositiveInteger } from '../validation/errors.js';
import { readWeight, requireSignals } from './conv1d.js';
import {
  oneRow,
  requireBias,
  requireGroups,
  sizesOf,
  transposedAxis,
  transposedConvolution,
} from './convolution.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { padding1DOf, requireNonNegativeInteger, requireSides1D, type Sides1D } from './padding.js';

/** Settings of a transposed convolution of signals. */
export interface ConvTranspose1DSettings {
  /** Number of values between the results of neighboring values. Default 1. */
  readonly stride?: number;
  /** Number of values that are cut off on the sides of the result. Default 0. */
  readonly padding?: Sides1D;
  /** Further values at the end of the result. Default 0. */
  readonly outputPadding?: number;
  /** Number of values between neighboring results of a value. Default 1. */
  readonly dilation?: number;
  /** Number of groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

/**
 * Transposed convolution of signals: x[n][i][l] times weight[i][o][t] is added to y[n][o][l * stride - padding + t * dilation].
 *
 * @param x [I, L] or [N, I, L].
 * @param weight [I, O / groups, K].
 * @param bias [O], or undefined for none.
 * @returns [O, L'] or [N, O, L'], with L' = (L - 1) * stride - left - right + dilation * (K - 1) + outputPadding + 1.
 * @throws RangeError if the shapes do not match.
 */
export function convTranspose1d<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  settings: ConvTranspose1DSettings = {},
): Tensor<S, T> {
  const stride = requirePositiveInteger('stride', settings.stride ?? 1);
  const padding = padding1DOf(requireSides1D('padding', settings.padding ?? 0), 0);
  const outputPadding = requireNonNegativeInteger('outputPadding', settings.outputPadding ?? 0);
  const dilation = requirePositiveInteger('dilation', settings.dilation ?? 1);
  const groups = requirePositiveInteger('groups', settings.groups ?? 1);
  const { shape } = requireTensor('x', x);
  const [inChannels, outChannels, kernel] = readWeight(requireTensor('weight', weight));
  requireGroups('the input channels of weight', groups, inChannels);
  if (bias !== undefined) requireBias(requireTensor('bias', bias), outChannels * groups);
  requireSignals('x', shape, inChannels);
  const images = shape.length === 3 ? shape[0] : 1;
  const length = shape[shape.length - 1];
  const axis = transposedAxis('length', length, kernel, stride, dilation, padding, outputPadding, shape);
  const sizes = sizesOf(images, groups, outChannels, inChannels / groups, oneRow, axis);
  const signal = [outChannels * groups, axis.size];
  return transposedConvolution(x, weight, bias, sizes, shape.length === 3 ? [images, ...signal] : signal);
}
