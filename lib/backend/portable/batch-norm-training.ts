import type { Backend } from '../backend.js';

// Two passes over a channel in double precision: the textbook formula is exact enough there, and in
// JavaScript a double costs what a float does.
export const batchNormTraining: Backend['batchNormTraining'] = (
  images,
  channels,
  plane,
  epsilon,
  momentum,
  x,
  scale,
  bias,
  runningMean,
  runningVar,
  y,
  mean,
  meanLow,
  invStd,
) => {
  const count = images * plane;
  const imageStride = channels * plane;
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * plane;
    const channelMean = meanOf(x, start, images, imageStride, plane);
    let m2 = 0;
    for (let image = 0; image < images; image++) {
      const begin = start + image * imageStride;
      for (let i = begin; i < begin + plane; i++) {
        const deviation = x[i] - channelMean;
        m2 += deviation * deviation;
      }
    }
    const inverse = 1 / Math.sqrt(m2 / count + epsilon);
    const factor = scale[channel] * inverse;
    for (let image = 0; image < images; image++) {
      const begin = start + image * imageStride;
      for (let i = begin; i < begin + plane; i++) {
        y[i] = (x[i] - channelMean) * factor + bias[channel];
      }
    }
    mean[channel] = channelMean;
    meanLow[channel] = channelMean - mean[channel];
    invStd[channel] = inverse;
    if (runningMean !== null && runningVar !== null) {
      runningMean[channel] = (1 - momentum) * runningMean[channel] + momentum * channelMean;
      runningVar[channel] = (1 - momentum) * runningVar[channel] + momentum * (m2 / (count - 1));
    }
  }
};

// A double holds the sum of 2^29 equal floats exactly: the mean of a constant channel is the constant.
function meanOf(x: Float32Array, start: number, images: number, imageStride: number, plane: number): number {
  let sum = 0;
  for (let image = 0; image < images; image++) {
    const begin = start + image * imageStride;
    for (let i = begin; i < begin + plane; i++) sum += x[i];
  }
  return sum / (images * plane);
}
