import type { Backend } from '../backend.js';

export const batchNormInference: Backend['batchNormInference'] = (
  images,
  channels,
  plane,
  epsilon,
  x,
  scale,
  bias,
  runningMean,
  runningVar,
  y,
) => {
  if (plane === 0) return;
  let i = 0;
  for (let image = 0; image < images; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const mean = runningMean[channel];
      const factor = scale[channel] / Math.sqrt(runningVar[channel] + epsilon);
      const shift = bias[channel];
      for (const end = i + plane; i < end; i++) y[i] = (x[i] - mean) * factor + shift;
    }
  }
};
