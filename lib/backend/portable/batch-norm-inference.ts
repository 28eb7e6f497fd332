import type { Operations } from '../operations.js';
import { normalize } from './normalize.js';

export const batchNormInference: Operations['batchNormInference'] = (
  images,
  channels,
  plane,
  epsilon,
  relu,
  x,
  scale,
  bias,
  runningMean,
  runningVar,
  residual,
  y,
) => {
  if (plane === 0) return;
  let begin = 0;
  for (let image = 0; image < images; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const factor = scale[channel] / Math.sqrt(runningVar[channel] + epsilon);
      const end = begin + plane;
      normalize(begin, end, runningMean[channel], factor, bias[channel], relu, x, residual, y);
      begin = end;
    }
  }
};
