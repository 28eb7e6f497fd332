import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, sameShape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type ConvolutionSizes, sizesOf } from '../../ops/convolution.js';
import { stridedCopy } from '../../ops/strided-copy.js';
import { areSizes, type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { Image } from '../layout.js';
import type { ConvInfo, TensorInfo } from '../tensorflow.js';
import { activationOf, type UnaryFunction } from './unary.js';

/** A convolution as a kernel of TensorFlow.js describes it, and the sizes for our operations. */
interface Convolution {
  readonly info: ConvInfo;
  readonly depthwise: boolean;
  readonly sizes: ConvolutionSizes;
  readonly input: Image;
  readonly output: Image;
}

/** Undefined if our operations do not compute this convolution. */
function convolutionOf(
  { tf, attrs }: Call,
  xShape: readonly number[],
  filterShape: readonly number[],
  depthwise: boolean,
  gradient: boolean,
): Convolution | undefined {
  const { strides, pad, dilations, dimRoundingMode, dataFormat = 'NHWC' } = attrs;
  if (xShape.length !== 4 || filterShape.length !== 4) return undefined;
  const used = gradient && !depthwise ? 1 : (dilations ?? 1);
  const info = tf.backend_util.computeConv2DInfo(
    ...([xShape, filterShape, strides, used, pad, dimRoundingMode, depthwise] as const),
    depthwise ? 'channelsLast' : tf.backend_util.convertConv2DDataFormat(dataFormat),
  );
  const { batchSize: images, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = info;
  const { dilationHeight, dilationWidth, padInfo } = info;
  // The gradients of the cpu backend leave dilation out.
  if (gradient && (dilationHeight !== 1 || dilationWidth !== 1)) return undefined;
  const input = { images, height: inHeight, width: inWidth, channels: inChannels };
  const output = { images, height: outHeight, width: outWidth, channels: outChannels };
  if (!areSizes(padInfo.top, padInfo.left, outHeight, outWidth, outChannels)) return undefined;
  if (!depthwise && filterShape[2] !== inChannels) return undefined;
  const groups = depthwise ? inChannels : 1;
  const rows = {
    ...{ size: inHeight, outSize: outHeight, kernel: info.filterHeight, stride: info.strideHeight },
    ...{ dilation: dilationHeight, padding: padInfo.top },
  };
  const columns = {
    ...{ size: inWidth, outSize: outWidth, kernel: info.filterWidth, stride: info.strideWidth },
    ...{ dilation: dilationWidth, padding: padInfo.left },
  };
  const sizes = sizesOf(images, groups, inChannels / groups, outChannels / groups, rows, columns);
  return { info, depthwise, sizes, input, output };
}

/** Whether each output pixel is a product of the same input pixel and the filter. */
function isPointwise({ info, depthwise, input, output }: Convolution): boolean {
  const one = info.filterHeight === 1 && info.filterWidth === 1 && info.strideHeight * info.strideWidth === 1;
  const sameSize = input.height === output.height && input.width === output.width;
  return one && sameSize && !depthwise && info.padInfo.top === 0 && info.padInfo.left === 0;
}

const isChannelsLast = ({ info }: Convolution) => info.dataFormat === 'channelsLast';

/** Values of an image in the layout of the convolution's operations. */
function planesOf({ backend }: Call, conv: Convolution, tensor: TensorInfo, image: Image): Float32Array {
  const data = backend.dataOf(tensor);
  return isChannelsLast(conv) ? data.planes(image) : data.floats();
}

/** Whether a matrix product needs no change of the layout. */
function isProductOfRows({ backend }: Call, conv: Convolution, ...tensors: readonly TensorInfo[]): boolean {
  return (
    isPointwise(conv) &&
    isChannelsLast(conv) &&
    tensors.every((tensor) => backend.dataOf(tensor).image === undefined)
  );
}

/** Filter [height, width, in, out] as [out, in, height, width]; for depthwise ones [height, width, in * multiplier]. */
function filterSizes({ depthwise, info: { filterShape } }: Convolution): [number, number, number] {
  const [height, width, inChannels, outChannels] = filterShape;
  return depthwise
    ? [height * width, 1, inChannels * outChannels]
    : [height * width, inChannels, outChannels];
}

function packedFilter({ backend }: Call, conv: Convolution, filter: TensorInfo): Float32Array {
  const [taps, inner, outer] = filterSizes(conv);
  return backend
    .dataOf(filter)
    .packed(`${taps} ${inner} ${outer}`, taps * inner * outer, (values, packed) => {
      stridedCopy(
        [outer, inner, taps],
        { values, strides: [1, outer, inner * outer] },
        { values: packed, strides: [inner * taps, taps, 1] },
      );
    });
}

function unpackedFilter(conv: Convolution, packed: Float32Array): Float32Array {
  const [taps, inner, outer] = filterSizes(conv);
  const values = storagePool.take(packed.length);
  stridedCopy(
    [taps, inner, outer],
    { values: packed, strides: [1, taps, inner * taps] },
    { values, strides: [inner * outer, outer, 1] },
  );
  return values;
}

function forward(
  call: Call,
  conv: Convolution,
  x: TensorInfo,
  filter: TensorInfo,
  bias: Float32Array | null,
  activation: UnaryFunction | undefined,
): TensorInfo {
  const { backend } = call;
  const n = elementCount(conv.info.outShape);
  const y = storagePool.take(n);
  const byRows = isProductOfRows(call, conv, x);
  if (byRows) {
    const { channels } = conv.output;
    multiply(
      n / channels,
      conv.input.channels,
      channels,
      false,
      false,
      floats(call, x),
      floats(call, filter),
      y,
    );
    if (bias !== null) {
      native.add(n / channels, channels, channels, named('a', y), named('b', bias), named('out', y));
    }
  } else {
    native.conv2d(
      ...conv.sizes,
      named('x', planesOf(call, conv, x, conv.input)),
      named('weight', packedFilter(call, conv, filter)),
      bias === null ? null : named('bias', bias),
      named('y', y),
    );
  }
  activation?.(n, y, y, {});
  const planes = !byRows && isChannelsLast(conv);
  return backend.output(conv.info.outShape, y, planes ? conv.output : undefined);
}

const floats = ({ backend }: Call, tensor: TensorInfo) => backend.dataOf(tensor).floats();

function multiply(
  rows: number,
  depth: number,
  columns: number,
  transposeA: boolean,
  transposeB: boolean,
  a: Float32Array,
  b: Float32Array,
  c: Float32Array,
): void {
  native.matmul(rows, depth, columns, transposeA, transposeB, named('a', a), named('b', b), named('c', c));
}

function convolve(depthwise: boolean, fused: boolean): Kernel {
  return (call) => {
    const { x, filter, bias, preluActivationWeights: slopes } = call.inputs;
    if (!isFloats(x) || !isFloats(filter)) return undefined;
    const conv = convolutionOf(call, x.shape, filter.shape, depthwise, false);
    if (conv === undefined || elementCount(conv.info.outShape) === 0) return undefined;
    if (!fused) return forward(call, conv, x, filter, null, undefined);
    const activation = activationOf(call);
    const { channels } = conv.output;
    if (activation === undefined || slopes !== undefined) return undefined;
    if (bias === undefined || bias === null) return forward(call, conv, x, filter, null, activation);
    if (!isFloats(bias) || elementCount(bias.shape) !== channels || bias.shape.at(-1) !== channels)
      return undefined;
    return forward(call, conv, x, filter, floats(call, bias), activation);
  };
}

function backpropInput(depthwise: boolean): Kernel {
  return (call) => {
    const { dy, filter } = call.inputs;
    const { inputShape } = call.attrs;
    if (!isFloats(dy) || !isFloats(filter)) return undefined;
    const conv = convolutionOf(call, inputShape as number[], filter.shape, depthwise, true);
    if (conv === undefined || !sameShape(conv.info.outShape, dy.shape)) return undefined;
    const { inShape } = conv.info;
    const dx = storagePool.take(elementCount(inShape));
    if (isProductOfRows(call, conv, dy)) {
      const { channels } = conv.input;
      const pixels = dx.length / channels;
      multiply(
        pixels,
        conv.output.channels,
        channels,
        false,
        true,
        floats(call, dy),
        floats(call, filter),
        dx,
      );
      return call.backend.output(inShape, dx);
    }
    native.conv2dInputGradient(
      ...conv.sizes,
      named('dy', planesOf(call, conv, dy, conv.output)),
      named('weight', packedFilter(call, conv, filter)),
      null,
      named('dx', dx),
    );
    return call.backend.output(inShape, dx, isChannelsLast(conv) ? conv.input : undefined);
  };
}

function backpropFilter(depthwise: boolean): Kernel {
  return (call) => {
    const { x, dy } = call.inputs;
    const { filterShape } = call.attrs;
    if (!isFloats(x) || !isFloats(dy)) return undefined;
    const conv = convolutionOf(call, x.shape, filterShape as number[], depthwise, true);
    if (conv === undefined || !sameShape(conv.info.outShape, dy.shape)) return undefined;
    const packed = storagePool.take(elementCount(conv.info.filterShape));
    if (isProductOfRows(call, conv, x, dy)) {
      const { channels } = conv.input;
      const pixels = elementCount(x.shape) / channels;
      multiply(
        channels,
        pixels,
        conv.output.channels,
        true,
        false,
        floats(call, x),
        floats(call, dy),
        packed,
      );
      return call.backend.output(conv.info.filterShape, packed);
    }
    native.conv2dWeightGradient(
      ...conv.sizes,
      named('x', planesOf(call, conv, x, conv.input)),
      named('dy', planesOf(call, conv, dy, conv.output)),
      named('dweight', packed),
      null,
    );
    const values = unpackedFilter(conv, packed);
    storagePool.give(packed);
    return call.backend.output(conv.info.filterShape, values);
  };
}

export const convolutionKernels: Kernels = {
  Conv2D: convolve(false, false),
  FusedConv2D: convolve(false, true),
  Conv2DBackpropInput: backpropInput(false),
  Conv2DBackpropFilter: backpropFilter(false),
  DepthwiseConv2dNative: convolve(true, false),
  FusedDepthwiseConv2D: convolve(true, true),
  DepthwiseConv2dNativeBackpropInput: backpropInput(true),
  DepthwiseConv2dNativeBackpropFilter: backpropFilter(true),
};
