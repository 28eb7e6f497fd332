import { named } from '../argument.js';
import type { Operations } from '../operations.js';
import { reluBackward } from './unary.js';

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
  let passed: Float32Array = dy;
  if (relu && y !== null) {
    passed = dresidual ?? dx;
    reluBackward(images * channels * plane, named('value', y), dy, named('dx', passed));
  }
  const count = images * plane;
  if (count === 0) {
    dscale.fill(0, 0, channels);
    dbias.fill(0, 0, channels);
    return;
  }
  const imageStride = channels * plane;
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * plane;
    const wholeMean = mean[channel] + meanLow[channel];
    const inverse = invStd[channel];
    let sum = 0;
    let products = 0;
    for (let image = 0; image < images; image++) {
      const begin = start + image * imageStride;
      for (let i = begin; i < begin + plane; i++) {
        sum += passed[i];
        products += passed[i] * (x[i] - wholeMean);
      }
    }
    const dyMean = sum / count;
    const xhatCoefficient = (inverse * inverse * products) / count;
    const factor = scale[channel] * inverse;
    for (let image = 0; image < images; image++) {
      const begin = start + image * imageStride;
      for (let i = begin; i < begin + plane; i++) {
        dx[i] = (passed[i] - dyMean - (x[i] - wholeMean) * xhatCoefficient) * factor;
      }
    }
    dscale[channel] = inverse * products;
    dbias[channel] = sum;
  }
};
