import { backend } from '../backend/index.js';
import type { Operations } from '../backend/operations.js';
import { graphsOf, recorded } from '../core/record.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { wrongShape, wrongValue } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import type { AxisPadding } from './padding.js';

// Convolutions along one axis are those of images with one row.

type Call = Parameters<Operations['conv2d']>;

/** The sizes with which the backend's convolutions begin; channels are those of one group. */
export type ConvolutionSizes = Call extends [
  ...infer Sizes extends number[],
  ...(readonly [unknown, unknown, unknown, unknown]),
]
  ? Readonly<Sizes>
  : never;

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
    backward: (dy, accumulate, needsGradient) => {
      if (needsGradient(0)) {
        const dx = Storage.take(image.values.length);
        backend.conv2dInputGradient(...sizes, dy.named('dy'), kernels.named('weight'), null, dx.named('dx'));
        accumulate(0, dx);
      }
      const dweight = Storage.take(kernels.values.length);
      const dbias = biases === undefined ? undefined : Storage.take(groups * outChannels);
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
 * The size of the result along an axis.
 * @param axis Name of the axis in messages.
 * @throws RangeError if the kernel does not fit.
 */
export function convolvedSize(
  axis: string,
  size: number,
  kernel: number,
  stride: number,
  dilation: number,
  { before, after }: AxisPadding,
  shape: Shape,
): number {
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
  return Math.floor(room / stride) + 1;
}
