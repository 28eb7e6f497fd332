import { backend } from '../backend/index.js';
import type { Operations } from '../backend/operations.js';
import type { GradientTerm } from '../core/graph.js';
import { graphsOf, recorded } from '../core/record.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { wrongShape, wrongValue } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import type { AxisPadding } from './padding.js';
import { reductionOf } from './reduction.js';
import { reduceInSteps } from './reductions.js';

// Convolutions along one axis are those of images with one row.

type Call = Parameters<Operations['conv2d']>;

/** The sizes with which the backend's convolutions begin; channels are those of one group. */
export type ConvolutionSizes = Call extends [
  ...infer Sizes extends number[],
  ...(readonly [unknown, unknown, unknown, unknown]),
]
  ? Readonly<Sizes>
  : never;

/** How outputs read inputs along one axis. */
export interface ConvolutionAxis {
  readonly size: number;
  readonly outSize: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Zeros before the axis. */
  readonly padding: number;
}

/** The rows of signals. */
export const oneRow: ConvolutionAxis = { size: 1, outSize: 1, kernel: 1, stride: 1, dilation: 1, padding: 0 };

/** The sizes in the order of the backend. */
export function sizesOf(
  images: number,
  groups: number,
  inChannels: number,
  outChannels: number,
  rows: ConvolutionAxis,
  columns: ConvolutionAxis,
): ConvolutionSizes {
  return [
    images,
    groups,
    inChannels,
    outChannels,
    rows.size,
    columns.size,
    rows.outSize,
    columns.outSize,
    rows.kernel,
    columns.kernel,
    rows.stride,
    columns.stride,
    rows.dilation,
    columns.dilation,
    rows.padding,
    columns.padding,
  ];
}

/**
 * A convolution with checked arguments.
 * @param sizes Of x, weight and the result.
 * @param shape Of the result.
 */
export function convolution<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  sizes: ConvolutionSizes,
  shape: Shape,
): Tensor<S, T> {
  const [images, groups, , outChannels, , , outHeight, outWidth] = sizes;
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  const graphs = graphsOf(inputs);
  const image = storageOf(x);
  const kernels = storageOf(weight);
  const biases = bias === undefined ? undefined : storageOf(bias);
  const result = Storage.take(images * groups * outChannels * outHeight * outWidth);
  backend.conv2d(
    ...sizes,
    image.named('x'),
    kernels.named('weight'),
    biases?.named('bias') ?? null,
    result.named('y'),
  );
  return recorded(graphs, inputs, Object.freeze(shape) as unknown as S, result, () => ({
    saved: [image, kernels],
    backward: (dy, accumulate, needsGradient, accumulateTerm) => {
      if (needsGradient(0)) accumulateTerm(0, inputGradient(sizes, dy, kernels, image.values.length));
      const dweight = needsGradient(1) ? Storage.take(kernels.values.length) : undefined;
      const dbias = biases !== undefined && needsGradient(2) ? Storage.take(groups * outChannels) : undefined;
      if (dweight === undefined && dbias === undefined) return;
      backend.conv2dWeightGradient(
        ...sizes,
        image.named('x'),
        dy.named('dy'),
        dweight?.named('dweight') ?? null,
        dbias?.named('dbias') ?? null,
      );
      if (dweight !== undefined) accumulate(1, dweight);
      if (dbias !== undefined) accumulate(2, dbias);
    },
  }));
}

/** The gradient with respect to the input, of n values, of a convolution. */
function inputGradient(sizes: ConvolutionSizes, dy: Storage, weight: Storage, n: number): GradientTerm {
  const [, , , , , , , , kernelHeight, kernelWidth, strideHeight, strideWidth] = sizes;
  return {
    waits: kernelHeight < strideHeight || kernelWidth < strideWidth,
    compute: (sum) => {
      if (sum !== undefined) {
        backend.conv2dAddInputGradient(...sizes, dy.named('dy'), weight.named('weight'), sum.named('dx'));
        return sum;
      }
      const dx = Storage.take(n);
      backend.conv2dInputGradient(...sizes, dy.named('dy'), weight.named('weight'), null, dx.named('dx'));
      return dx;
    },
  };
}

/**
 * A transposed convolution with checked arguments: the input gradient of the convolution with the same weight.
 * @param sizes Of that convolution, whose output is x and whose input is the result.
 * @param shape Of the result.
 */
export function transposedConvolution<S extends Shape, T extends Tape>(
  x: AnyTensor,
  weight: AnyTensor,
  bias: AnyTensor | undefined,
  sizes: ConvolutionSizes,
  shape: Shape,
): Tensor<S, T> {
  const [images, groups, inChannels, , height, width] = sizes;
  const channels = groups * inChannels;
  const plane = height * width;
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  const graphs = graphsOf(inputs);
  const image = storageOf(x);
  const kernels = storageOf(weight);
  const biases = bias === undefined ? null : storageOf(bias).named('bias');
  const result = Storage.take(images * channels * plane);
  backend.conv2dInputGradient(
    ...sizes,
    image.named('dy'),
    kernels.named('weight'),
    biases,
    result.named('dx'),
  );
  return recorded(graphs, inputs, Object.freeze(shape) as unknown as S, result, () => ({
    saved: [image, kernels],
    backward: (dy, accumulate, needsGradient) => {
      if (needsGradient(0)) {
        const dx = Storage.take(image.values.length);
        backend.conv2d(...sizes, dy.named('x'), kernels.named('weight'), null, dx.named('y'));
        accumulate(0, dx);
      }
      if (needsGradient(1)) {
        const dweight = Storage.take(kernels.values.length);
        backend.conv2dWeightGradient(
          ...sizes,
          dy.named('x'),
          image.named('dy'),
          dweight.named('dweight'),
          null,
        );
        accumulate(1, dweight);
      }
      if (biases === null || !needsGradient(2)) return;
      const perChannel = reductionOf([images, channels, plane], [true, false, true], false);
      accumulate(2, reduceInSteps(dy, perChannel, 1));
    },
  }));
}

/**
 * The axis of the convolution whose input gradient is a transposed convolution: its input is the result.
 * @param axis Its name in messages.
 * @throws RangeError if nothing is left between the paddings, or for a wrong output padding.
 */
export function transposedAxis(
  axis: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  { before, after }: AxisPadding,
  outputPadding: number,
  shape: Shape,
): ConvolutionAxis {
  requireOutputPadding('outputPadding', outputPadding, stride, dilation);
  const result = (size - 1) * stride + kernelExtent(kernel, dilation) + outputPadding - before - after;
  if (size > 0 && result > 0) {
    return { size: result, outSize: size, kernel, stride, dilation, padding: before };
  }
  throw wrongShape(
    'x',
    `a ${axis} of which paddings of ${before} and ${after} leave at least 1`,
    `shape ${formatShape(shape)}`,
  );
}

/** @throws RangeError for an output padding that could not be the remainder of a division by the stride. */
export function requireOutputPadding(
  argument: string,
  value: number,
  stride: number,
  dilation: number,
): void {
  const limit = Math.max(stride, dilation);
  if (value < limit) return;
  throw wrongValue(argument, `less than the stride or the dilation, ${limit},`, String(value));
}

/** Checks the bias of `channels` output channels. */
export function requireBias({ shape }: AnyTensor, channels: number): void {
  if (shape.length !== 1 || shape[0] !== channels) {
    throw wrongShape('bias', `shape [${channels}]`, `shape ${formatShape(shape)}`);
  }
}

/** Checks that a number of channels can be divided into groups. */
export function requireGroups(argument: string, groups: number, channels: number): void {
  if (channels % groups !== 0) {
    throw wrongValue('groups', `a divisor of ${argument}, ${channels},`, String(groups));
  }
}

/** How many pixels a kernel spans. */
export function kernelExtent(kernel: number, dilation: number): number {
  return (kernel - 1) * dilation + 1;
}

/**
 * The axis of a convolution.
 * @param axis Its name in messages.
 * @throws RangeError if the kernel does not fit.
 */
export function convolvedAxis(
  axis: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  { before, after }: AxisPadding,
  shape: Shape,
): ConvolutionAxis {
  const room = size + before + after - kernelExtent(kernel, dilation);
  if (room < 0) {
    const padding = before === after ? `a padding of ${before}` : `paddings of ${before} and ${after}`;
    const spread = dilation === 1 ? '' : ` with a dilation of ${dilation}`;
    throw wrongShape(
      'x',
      `a ${axis} of at least ${size - room} for a kernel of ${kernel}${spread} and ${padding}`,
      `shape ${formatShape(shape)}`,
    );
  }
  return { size, outSize: Math.floor(room / stride) + 1, kernel, stride, dilation, padding: before };
}
