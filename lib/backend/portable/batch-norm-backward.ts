import type { Backend } from '../backend.js';

export const batchNormBackward: Backend['batchNormBackward'] = (
  images,
  channels,
  plane,
  x,
  dy,
  scale,
  mean,
  meanLow,
  invStd,
  dx,
  dscale,
  dbias,
) => {
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
        sum += dy[i];
        products += dy[i] * (x[i] - wholeMean);
      }
    }
    const dyMean = sum / count;
    const slope = (inverse * inverse * products) / count;
    const factor = scale[channel] * inverse;
    for (let image = 0; image < images; image++) {
      const begin = start + image * imageStride;
      for (let i = begin; i < begin + plane; i++) {
        dx[i] = (dy[i] - dyMean - (x[i] - wholeMean) * slope) * factor;
      }
    }
    dscale[channel] = inverse * products;
    dbias[channel] = sum;
  }
};
