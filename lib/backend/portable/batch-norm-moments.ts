import type { Operations } from '../operations.js';
import { channelMoments } from './channel-moments.js';

export const batchNormMoments: Operations['batchNormMoments'] = (images, channels, plane, x, mean, m2) => {
  const empty = images * plane === 0;
  for (let channel = 0; channel < channels; channel++) {
    const moments = empty ? { mean: 0, m2: 0 } : channelMoments(images, channels, plane, channel, x);
    mean[channel] = moments.mean;
    m2[channel] = moments.m2;
  }
};
