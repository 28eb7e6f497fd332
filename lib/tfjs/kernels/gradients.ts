import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, sameShape, type Shape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { stridedCopy } from '../../ops/strided-copy.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { Image } from '../layout.js';
import type { TensorInfo } from '../tensorflow.js';
import { outputLayout, storedImage } from '../views.js';
import { constantArray } from './channels.js';
import { withNumber } from './unary.js';

// Gradients that TensorFlow.js composes of several kernels, in one each. They have names of their own and are used by
// ../gradients.ts and ../fused/, which check the arguments.

/** The values of tensors of the same shape, all as planes if one is stored so. */
export function sameLayout({ backend }: Call, ...tensors: readonly TensorInfo[]) {
  const all = tensors.map((tensor) => backend.dataOf(tensor));
  const image = all.find((data) => data.image !== undefined)?.image;
  const values = all.map((data) => (image === undefined ? data.floats() : data.planes(image)));
  return { image, values };
}

/**
 * As `sameLayout`, but as planes only of an image with the shape of the tensors: the channels of an image that was flattened are
 * not the last axis.
 */
export function sameChannels(call: Call, ...tensors: readonly TensorInfo[]) {
  const image = tensors.map((tensor) => storedImage(call, tensor)).find((each) => each !== undefined);
  const all = tensors.map((tensor) => call.backend.dataOf(tensor));
  return { image, values: all.map((data) => (image === undefined ? data.floats() : data.planes(image))) };
}

type ElementGradient = (n: number, value: Float32Array, dy: Float32Array, dx: Float32Array) => void;

function elementwise(compute: ElementGradient): Kernel {
  return (call) => {
    const { value, dy } = call.inputs;
    if (!isFloats(value) || !isFloats(dy) || !sameShape(value.shape, dy.shape)) return undefined;
    const { image, values } = sameLayout(call, value, dy);
    const dx = storagePool.take(values[0].length);
    compute(dx.length, values[0], values[1], dx);
    return call.backend.output(value.shape, dx, image);
  };
}

function of(operation: typeof native.reluBackward): ElementGradient {
  return (n, value, dy, dx) => operation(n, n, named('value', value), named('dy', dy), named('dx', dx));
}

function relu6Gradient(n: number, x: Float32Array, dy: Float32Array, dx: Float32Array): void {
  const belowLimit = storagePool.take(n);
  withNumber(native.lessEqual, n, x, 6, belowLimit);
  native.reluBackward(n, n, named('value', x), named('dy', dy), named('dx', dx));
  native.mul(1, n, n, named('a', dx), named('b', belowLimit), named('out', dx));
  storagePool.give(belowLimit);
}

const softmaxGradient: Kernel = ({ backend, inputs: { value: y, dy } }) => {
  if (!isFloats(y) || !isFloats(dy)) return undefined;
  const columns = y.shape[y.shape.length - 1];
  const values = backend.dataOf(y).floats();
  const dx = storagePool.take(values.length);
  native.softmaxBackward(
    ...([values.length / columns, columns, named('y', values)] as const),
    ...([named('dy', backend.dataOf(dy).floats()), named('dx', dx)] as const),
  );
  return backend.output(y.shape, dx);
};

/** The gradient of a sum: dy, with sizes of 1 where the sum was taken, times a factor, repeated to the shape of x. */
const sumGradient: Kernel = (call) => {
  const { x, dy } = call.inputs;
  const { shape, factor } = call.attrs;
  if (!isFloats(x) || !isFloats(dy)) return undefined;
  const sizes = shape as Shape;
  const values = call.backend.dataOf(dy).floats();
  const scaled = storagePool.take(values.length);
  withNumber(native.mul, values.length, values, Number(factor), scaled);
  const image = storedImage(call, x);
  const layout = outputLayout(x.shape, image !== undefined);
  const dx = storagePool.take(elementCount(x.shape));
  const strides = new Array<number>(sizes.length);
  let stride = 1;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    strides[axis] = sizes[axis] === 1 ? 0 : stride;
    stride *= sizes[axis];
  }
  if (scaled.length === 1) dx.fill(scaled[0]);
  else stridedCopy(x.shape, { values: scaled, strides }, { values: dx, strides: layout.strides });
  storagePool.give(scaled);
  return call.backend.output(x.shape, dx, image);
};

/** Values of an image, or rows as planes of one pixel. */
export function channelSizes(image: Image | undefined, count: number, channels: number) {
  if (image === undefined) return [count / channels, channels, 1] as const;
  return [image.images, channels, image.height * image.width] as const;
}

/** The gradients of the normalization with given statistics: dx, dmean, dvariance, dscale and doffset. */
const normalizationGradient: Kernel = (call) => {
  const { x, dy, mean, variance, scale } = call.inputs;
  const epsilon = Number(call.attrs.epsilon);
  if (!isFloats(x) || !isFloats(dy) || !isFloats(mean) || !isFloats(variance)) return undefined;
  if (!sameShape(x.shape, dy.shape)) return undefined;
  const { backend } = call;
  const { image, values } = sameChannels(call, x, dy);
  const channels = elementCount(mean.shape);
  const sizes = channelSizes(image, values[0].length, channels);
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels);
  const means = backend.dataOf(mean).floats();
  native.batchNormGradientSums(
    ...sizes,
    false,
    named('x', values[0]),
    named('dy', values[1]),
    named('mean', means),
    named('meanLow', constantArray(0, channels)),
    ...([null, null, null, null] as const),
    named('sumDy', sums),
    named('sumDyXmu', products),
  );
  const variances = backend.dataOf(variance).floats();
  const scales = scale ? backend.dataOf(scale).floats() : constantArray(1, channels);
  const [factors, dmean, dvariance, dscale, doffset] = Array.from({ length: 5 }, () =>
    storagePool.take(channels),
  );
  for (let channel = 0; channel < channels; channel++) {
    const invStd = 1 / Math.sqrt(variances[channel] + epsilon);
    const factor = scales[channel] * invStd;
    factors[channel] = factor;
    dmean[channel] = -factor * sums[channel];
    dvariance[channel] = -0.5 * factor * invStd * invStd * products[channel];
    dscale[channel] = invStd * products[channel];
    doffset[channel] = sums[channel];
  }
  const dx = storagePool.take(values[1].length);
  native.batchNormInference(
    ...sizes,
    ...([0, false, named('x', values[1]), named('scale', factors)] as const),
    named('bias', constantArray(0, channels)),
    named('runningMean', constantArray(0, channels)),
    named('runningVar', constantArray(1, channels)),
    null,
    named('y', dx),
  );
  storagePool.give(factors);
  const perChannel = [dmean, dvariance, dscale, doffset].map((each) => backend.output([channels], each));
  return [backend.output(x.shape, dx, image), ...perChannel];
};

/** The names with which these kernels are registered. */
export const gradientKernels: Kernels = {
  BatchnormReluGradient: elementwise(of(native.reluBackward)),
  BatchnormRelu6Gradient: elementwise(relu6Gradient),
  BatchnormSigmoidGradient: elementwise(of(native.sigmoidBackward)),
  BatchnormTanhGradient: elementwise(of(native.tanhBackward)),
  BatchnormSoftmaxGradient: softmaxGradient,
  BatchnormSumGradient: sumGradient,
  BatchnormNormalizationGradient: normalizationGradient,
};
