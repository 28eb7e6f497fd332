import { named } from '../argument.js';
import type { Operations } from '../operations.js';
import { channelGradientSums, channelInputGradient } from './channel-gradients.js';
import { reluBackward } from './unary.js';
import { workingFloats } from './working-space.js';

export const batchNormBackward: Operations['batchNormBackward'] = (
  images,
  channels,
  plane,
  relu,
  x,
  dy,
  scale,
  mean,
  meanLow,
  invStd,
  y,
  _factor,
  _shift,
  dx,
  dresidual,
  dscale,
  dbias,
) => {
  const passed = relu && y !== null ? passRelu(images * channels * plane, y, dy, dresidual ?? dx) : dy;
  const count = images * plane;
  for (let channel = 0; channel < channels; channel++) {
    const wholeMean = mean[channel] + meanLow[channel];
    const inverse = invStd[channel];
    const sums = channelGradientSums(images, channels, plane, channel, x, passed, wholeMean);
    const factor = scale[channel];
    channelInputGradient(
      images,
      channels,
      plane,
      channel,
      x,
      passed,
      wholeMean,
      inverse,
      factor,
      count,
      sums,
      dx,
    );
    dscale[channel] = inverse * sums.sumDyXmu;
    dbias[channel] = sums.sumDy;
  }
};

export const batchNormGradientSums: Operations['batchNormGradientSums'] = (
  images,
  channels,
  plane,
  relu,
  x,
  dy,
  mean,
  meanLow,
  y,
  _factor,
  _shift,
  dresidual,
  sumDy,
  sumDyXmu,
) => {
  const n = images * channels * plane;
  const passed = relu && y !== null ? passRelu(n, y, dy, dresidual ?? workingFloats(n)) : dy;
  for (let channel = 0; channel < channels; channel++) {
    const wholeMean = mean[channel] + meanLow[channel];
    const sums = channelGradientSums(images, channels, plane, channel, x, passed, wholeMean);
    sumDy[channel] = sums.sumDy;
    sumDyXmu[channel] = sums.sumDyXmu;
  }
};

export const batchNormInputGradient: Operations['batchNormInputGradient'] = (
  images,
  channels,
  plane,
  count,
  relu,
  x,
  dy,
  scale,
  mean,
  meanLow,
  invStd,
  y,
  _factor,
  _shift,
  sumDy,
  sumDyXmu,
  dx,
) => {
  const passed = relu && y !== null ? passRelu(images * channels * plane, y, dy, dx) : dy;
  for (let channel = 0; channel < channels; channel++) {
    channelInputGradient(
      images,
      channels,
      plane,
      channel,
      x,
      passed,
      mean[channel] + meanLow[channel],
      invStd[channel],
      scale[channel],
      count,
      { sumDy: sumDy[channel], sumDyXmu: sumDyXmu[channel] },
      dx,
    );
  }
};

/** The part of dy that passes a ReLU with the output y, into `passed`. */
function passRelu(n: number, y: Float32Array, dy: Float32Array, passed: Float32Array): Float32Array {
  reluBackward(n, n, named('value', y), named('dy', dy), named('dx', passed));
  return passed;
}
