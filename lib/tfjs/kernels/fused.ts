import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, sameShape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { TensorInfo } from '../tensorflow.js';
import { storedImage } from '../views.js';
import { crossEntropy, crossEntropyGradient } from './cross-entropy.js';
import { channelSizes, sameChannels } from './gradients.js';

// The training of batch norm, the steps of optimizers and a loss in one kernel each, for ../fused/. Variables that change in place
// are attributes, whose values no other tensor shares.

/** The values of variables, which change. */
function changing({ backend, attrs }: Call, name: string): Float32Array[] {
  return (attrs[name] as readonly TensorInfo[]).map((variable) => backend.dataOf(variable).writable());
}

/** y, and the statistics for the gradient [3, channels]: mean, its low part, 1 / std; moves the moving mean and variance. */
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
  const batch = [storagePool.take(channels), storagePool.take(channels)];
  for (const each of batch) each.fill(0);
  const statistics = storagePool.take(3 * channels);
  const y = storagePool.take(values.length);
  native.batchNormTraining(
    ...sizes,
    ...([Number(attrs.epsilon), 1, false, named('x', values)] as const),
    named('scale', backend.dataOf(scale).floats()),
    named('bias', backend.dataOf(bias).floats()),
    ...([named('runningMean', batch[0]), named('runningVar', batch[1]), null, named('y', y)] as const),
    ...statisticsOf(statistics),
    ...([null, null] as const),
  );
  const decay = Math.fround(1 - Number(attrs.momentum));
  changing(call, 'moving').forEach((moving, i) => {
    // TensorFlow.js moves the biased variance.
    const factor = i === 0 ? 1 : (count - 1) / count;
    for (let channel = 0; channel < channels; channel++) {
      moving[channel] -= decay * (moving[channel] - batch[i][channel] * factor);
    }
    storagePool.give(batch[i]);
  });
  return [backend.output(x.shape, y, image), backend.output([3, channels], statistics)];
};

function statisticsOf(statistics: Float32Array) {
  const channels = statistics.length / 3;
  return [
    named('mean', statistics.subarray(0, channels)),
    named('meanLow', statistics.subarray(channels, 2 * channels)),
    named('invStd', statistics.subarray(2 * channels)),
  ] as const;
}

/** dx, dscale and dbias. */
const batchNormBackward: Kernel = (call) => {
  const { x, dy, scale, statistics } = call.inputs;
  if (!isFloats(x) || !isFloats(dy) || !isFloats(scale) || !isFloats(statistics)) return undefined;
  if (!sameShape(x.shape, dy.shape)) return undefined;
  const { backend } = call;
  const { image, values } = sameChannels(call, x, dy);
  const channels = elementCount(scale.shape);
  const dx = storagePool.take(values[0].length);
  const [dscale, dbias] = [storagePool.take(channels), storagePool.take(channels)];
  native.batchNormBackward(
    ...channelSizes(image, dx.length, channels),
    ...([false, named('x', values[0]), named('dy', values[1])] as const),
    named('scale', backend.dataOf(scale).floats()),
    ...statisticsOf(backend.dataOf(statistics).floats()),
    ...([null, null, null, named('dx', dx), null] as const),
    ...([named('dscale', dscale), named('dbias', dbias)] as const),
  );
  return [
    backend.output(x.shape, dx, image),
    backend.output(scale.shape, dscale),
    backend.output(scale.shape, dbias),
  ];
};

/** The values of the gradients of a step. */
function gradientsOf({ backend, attrs }: Call): Float32Array[] {
  return (attrs.gradients as readonly TensorInfo[]).map((gradient) => backend.dataOf(gradient).floats());
}

/** Steps all parameters; `powers` are the powers of both betas, which the next step needs. */
const adamStep: Kernel = (call) => {
  const { learningRate, beta1, beta2, epsilon } = call.attrs;
  const betas = [Number(beta1), Number(beta2)];
  const powers = changing(call, 'powers');
  const [correction1, correction2] = powers.map(([power]) => 1 / (1 - power));
  const moments1 = changing(call, 'moments1');
  const moments2 = changing(call, 'moments2');
  const gradients = gradientsOf(call);
  changing(call, 'parameters').forEach((parameter, i) => {
    native.adamStep(
      ...([parameter.length, Number(learningRate), betas[0], betas[1], correction1, correction2] as const),
      ...([Number(epsilon), 0, 0, named('parameter', parameter)] as const),
      ...([named('gradient', gradients[i]), named('moment1', moments1[i])] as const),
      ...([named('moment2', moments2[i]), null] as const),
    );
  });
  // In float32, as TensorFlow.js multiplies them.
  powers.forEach((power, i) => (power[0] *= Math.fround(betas[i])));
  return [];
};

/** Steps all parameters; with `velocities` by momentum. */
const sgdStep: Kernel = (call) => {
  const { learningRate, momentum = 0, nesterov = false, velocities } = call.attrs;
  const moved = velocities === undefined ? undefined : changing(call, 'velocities');
  const gradients = gradientsOf(call);
  changing(call, 'parameters').forEach((parameter, i) => {
    native.sgdStep(
      ...([parameter.length, Number(learningRate), 0, 0, Number(momentum), nesterov === true] as const),
      ...([named('parameter', parameter), named('gradient', gradients[i])] as const),
      moved === undefined ? null : named('velocity', moved[i]),
    );
  });
  return [];
};

/** A copy that shares no memory with x. */
const copy: Kernel = ({ backend, inputs: { x } }) => {
  if (!isFloats(x)) return undefined;
  const values = backend.dataOf(x).floats();
  const copied = storagePool.take(values.length);
  copied.set(values);
  return backend.output(x.shape, copied);
};

/** The names with which these kernels are registered. */
export const fusedKernels: Kernels = {
  BatchnormTraining: batchNormTraining,
  BatchnormBackward: batchNormBackward,
  BatchnormAdamStep: adamStep,
  BatchnormSgdStep: sgdStep,
  BatchnormCopy: copy,
  BatchnormCrossEntropy: crossEntropy,
  BatchnormCrossEntropyGradient: crossEntropyGradient,
};
