import type { Operations } from '../operations.js';
import { normalize } from './normalize.js';

// factor and shift are not written, as in batchNormTraining.
export const batchNormNormalize: Operations['batchNormNormalize'] = (
  images,
  channels,
  plane,
  relu,
  x,
  mean,
  invStd,
  scale,
  bias,
  residual,
  y,
) => {
  if (plane === 0) return;
  let begin = 0;
  for (let image = 0; image < images; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const factor = scale[channel] * invStd[channel];
      const end = begin + plane;
      normalize(begin, end, mean[channel], factor, bias[channel], relu, x, residual, y);
      begin = end;
    }
  }
};
