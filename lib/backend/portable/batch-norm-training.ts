import type { Operations } from '../operations.js';
import { channelMoments } from './channel-moments.js';
import { normalize } from './normalize.js';

// factor and shift, from which native kernels recompute the sign of y, are not written: in float32 they would
// not give the sign of the value that is computed in double here, so the backward pass reads y.
export const batchNormTraining: Operations['batchNormTraining'] = (
  images,
  channels,
  plane,
  epsilon,
  momentum,
  relu,
  x,
  scale,
  bias,
  runningMean,
  runningVar,
  residual,
  y,
  mean,
  meanLow,
  invStd,
) => {
  const count = images * plane;
  for (let channel = 0; channel < channels; channel++) {
    const moments = channelMoments(images, channels, plane, channel, x);
    const inverse = 1 / Math.sqrt(moments.m2 / count + epsilon);
    const factor = scale[channel] * inverse;
    for (let image = 0; image < images; image++) {
      const begin = (image * channels + channel) * plane;
      normalize(begin, begin + plane, moments.mean, factor, bias[channel], relu, x, residual, y);
    }
    mean[channel] = moments.mean;
    meanLow[channel] = moments.mean - mean[channel];
    invStd[channel] = inverse;
    if (runningMean !== null && runningVar !== null) {
      runningMean[channel] = (1 - momentum) * runningMean[channel] + momentum * moments.mean;
      runningVar[channel] = (1 - momentum) * runningVar[channel] + momentum * (moments.m2 / (count - 1));
    }
  }
};
