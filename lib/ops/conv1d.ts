import { formatShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { Tensor } from '../core/tensor.js';
import { requirePositiveInteger, wrongShape } from '../validation/errors.js';
import {
  convolution,
  convolvedAxis,
  kernelExtent,
  oneRow,
  requireBias,
  requireGroups,
  sizesOf,
} from './convolution.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { type Padding1D, padding1DOf, requirePadding1D } from './padding.js';

/** Settings of a convolution of signals. */
export interface Conv1DSettings {
  /** Number of values between neighboring positions of the kernel. Default 1. */
  readonly stride?: number;
  /** Zeros around the signal. Default 0. */
  readonly padding?: Padding1D;
  /** Number of values between neighboring values that the kernel reads. Default 1. */
  readonly dilation?: number;
  /** Number of groups of channels that are convolved separately. Default 1. */
  readonly groups?: number;
}

/**
 * Cross-correlation of signals: y[n][o][l] = bias[o] + the sum over i, t of weight[o][i][t] * x[n][i][l * stride - padding +
 * t * dilation]. With groups, output channel o reads only the input channels of its group.
 *
 * @param x [I, L] or [N, I, L].
 * @param weight [O, I / groups, K].
 * @param bias [O], or undefined for none.
 * @returns [O, L'] or [N, O, L'], with L' = floor((L + left + right - dilation * (K - 1) - 1) / stride) + 1.
 * @throws RangeError if the shapes do not match.
 */
export function conv1d<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  settings: Conv1DSettings = {},
): Tensor<S, T> {
  const stride = requirePositiveInteger('stride', settings.stride ?? 1);
  const dilation = requirePositiveInteger('dilation', settings.dilation ?? 1);
  const padding = requirePadding1D('padding', settings.padding ?? 0, stride);
  const groups = requirePositiveInteger('groups', settings.groups ?? 1);
  const { shape } = requireTensor('x', x);
  const [outChannels, inChannels, kernel] = readWeight(requireTensor('weight', weight));
  requireGroups('the output channels of weight', groups, outChannels);
  if (bias !== undefined) requireBias(requireTensor('bias', bias), outChannels);
  requireSignals('x', shape, inChannels * groups);
  const images = shape.length === 3 ? shape[0] : 1;
  const length = shape[shape.length - 1];
  const sides = padding1DOf(padding, kernelExtent(kernel, dilation));
  const axis = convolvedAxis('length', length, kernel, stride, dilation, sides, shape);
  const sizes = sizesOf(images, groups, inChannels, outChannels / groups, oneRow, axis);
  const signal = [outChannels, axis.outSize];
  return convolution(x, weight, bias, sizes, shape.length === 3 ? [images, ...signal] : signal);
}

/** The shape of the weight of signals. */
export function readWeight({ shape }: AnyTensor): readonly [number, number, number] {
  if (shape.length !== 3 || shape[2] === 0) {
    throw wrongShape('weight', 'a 3D tensor with a kernel in its last axis', `shape ${formatShape(shape)}`);
  }
  return [shape[0], shape[1], shape[2]];
}

/** @throws RangeError unless the shape is [channels, L] or [N, channels, L]. */
export function requireSignals(argument: string, shape: Shape, channels: number): void {
  const rank = shape.length;
  if ((rank === 2 || rank === 3) && shape[rank - 2] === channels) return;
  throw wrongShape(argument, `shape [${channels}, L] or [N, ${channels}, L]`, `shape ${formatShape(shape)}`);
}
