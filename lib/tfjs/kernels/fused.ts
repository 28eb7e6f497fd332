import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { TensorInfo } from '../tensorflow.js';
import { storedImage } from '../views.js';
import { channelSizes, sameChannels } from './gradients.js';

// The training of batch norm and the steps of optimizers in one kernel each, for ../fused-layers.ts.

/** y, the mean and the biased variance of the batch, and what the gradient needs: mean, its low part, 1 / std. */
const batchNormTraining: Kernel = (call) => {
  const { x, scale, bias } = call.inputs;
  if (!isFloats(x) || !isFloats(scale) || !isFloats(bias)) return undefined;
  const { backend, attrs } = call;
  const data = backend.dataOf(x);
  const image = storedImage(call, x);
  const values = image === undefined ? data.floats() : data.planes(image);
  const channels = elementCount(scale.shape);
  const sizes = channelSizes(image, values.length, channels);
  const count = values.length / channels;
  // With a momentum of 1 the running statistics are those of the batch, the variance divided by count - 1.
  const [batchMean, variance, mean, meanLow, invStd] = Array.from({ length: 5 }, () =>
    storagePool.take(channels),
  );
  batchMean.fill(0);
  variance.fill(0);
  const y = storagePool.take(values.length);
  native.batchNormTraining(
    ...sizes,
    ...([Number(attrs.epsilon), 1, false, named('x', values)] as const),
    named('scale', backend.dataOf(scale).floats()),
    named('bias', backend.dataOf(bias).floats()),
    named('runningMean', batchMean),
    named('runningVar', variance),
    null,
    ...([named('y', y), named('mean', mean), named('meanLow', meanLow), named('invStd', invStd)] as const),
    ...([null, null] as const),
  );
  for (let channel = 0; channel < channels; channel++) variance[channel] *= (count - 1) / count;
  const perChannel = [batchMean, variance, mean, meanLow, invStd];
  return [backend.output(x.shape, y, image), ...perChannel.map((each) => backend.output([channels], each))];
};

/** dx, dscale and dbias. */
const batchNormBackward: Kernel = (call) => {
  const { x, dy, scale, mean, meanLow, invStd } = call.inputs;
  const perChannel = [scale, mean, meanLow, invStd];
  if (!isFloats(x) || !isFloats(dy) || !perChannel.every(isFloats)) return undefined;
  const { backend } = call;
  const { image, values } = sameChannels(call, x, dy);
  const [scales, means, lowParts, inverses] = perChannel.map((each) => backend.dataOf(each).floats());
  const channels = scales.length;
  const dx = storagePool.take(values[0].length);
  const [dscale, dbias] = [storagePool.take(channels), storagePool.take(channels)];
  native.batchNormBackward(
    ...channelSizes(image, dx.length, channels),
    ...([false, named('x', values[0]), named('dy', values[1]), named('scale', scales)] as const),
    ...([named('mean', means), named('meanLow', lowParts), named('invStd', inverses)] as const),
    ...([null, null, null, named('dx', dx), null] as const),
    ...([named('dscale', dscale), named('dbias', dbias)] as const),
  );
  return [
    backend.output(x.shape, dx, image),
    backend.output(scale?.shape ?? [channels], dscale),
    backend.output(scale?.shape ?? [channels], dbias),
  ];
};

/** Copies of tensors, which a step changes in place, because other tensors may share their values. */
function copies({ backend }: Call, tensors: readonly TensorInfo[]): Float32Array[] {
  return tensors.map((tensor) => {
    const values = backend.dataOf(tensor).floats();
    const copy = storagePool.take(values.length);
    copy.set(values);
    return copy;
  });
}

const adamStep: Kernel = (call) => {
  const { parameter, gradient, moment1, moment2 } = call.inputs;
  const { learningRate, beta1, beta2, correction1, correction2, epsilon } = call.attrs;
  if (!isFloats(gradient)) return undefined;
  const tensors = [parameter, moment1, moment2];
  if (!tensors.every(isFloats)) return undefined;
  const [value, first, second] = copies(call, tensors);
  native.adamStep(
    ...([value.length, Number(learningRate), Number(beta1), Number(beta2)] as const),
    ...([Number(correction1), Number(correction2), Number(epsilon), 0, 0] as const),
    ...([named('parameter', value), named('gradient', call.backend.dataOf(gradient).floats())] as const),
    ...([named('moment1', first), named('moment2', second), null] as const),
  );
  return [value, first, second].map((each, i) => call.backend.output(tensors[i].shape, each));
};

/** The parameter and, with momentum, the velocity after a step. */
const sgdStep: Kernel = (call) => {
  const { parameter, gradient, velocity } = call.inputs;
  const { learningRate, momentum, nesterov } = call.attrs;
  if (!isFloats(gradient)) return undefined;
  const tensors = velocity === undefined ? [parameter] : [parameter, velocity];
  if (!tensors.every(isFloats)) return undefined;
  const stepped = copies(call, tensors);
  const [value] = stepped;
  native.sgdStep(
    ...([value.length, Number(learningRate), 0, 0, Number(momentum ?? 0), nesterov === true] as const),
    ...([named('parameter', value), named('gradient', call.backend.dataOf(gradient).floats())] as const),
    velocity === undefined ? null : named('velocity', stepped[1]),
  );
  return stepped.map((each, i) => call.backend.output(tensors[i].shape, each));
};

/** The names with which these kernels are registered. */
export const fusedKernels: Kernels = {
  BatchnormTraining: batchNormTraining,
  BatchnormBackward: batchNormBackward,
  BatchnormAdamStep: adamStep,
  BatchnormSgdStep: sgdStep,
};
