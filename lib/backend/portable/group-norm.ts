import type { Operations } from '../operations.js';
import { workingSpace } from './working-space.js';

export const groupNorm: Operations['groupNorm'] = (
  images,
  groups,
  channels,
  plane,
  epsilon,
  centered,
  affine,
  x,
  scale,
  bias,
  y,
  mean,
  meanLow,
  invStd,
) => {
  const rows = images * groups;
  const count = channels * plane;
  if (count === 0) {
    for (const each of [mean, meanLow, invStd]) each.fill(0, 0, rows);
    return;
  }
  for (let row = 0; row < rows; row++) {
    const begin = row * count;
    const center = centered ? rowMean(x, begin, count) : 0;
    let squares = 0;
    for (let i = begin; i < begin + count; i++) squares += (x[i] - center) * (x[i] - center);
    const inverse = 1 / Math.sqrt(squares / count + epsilon);
    mean[row] = center;
    meanLow[row] = center - mean[row];
    invStd[row] = inverse;
    const first = (row % groups) * channels;
    let i = begin;
    for (let channel = first; channel < first + channels; channel++) {
      const factor = affine && scale !== null ? scale[channel] * inverse : inverse;
      const shift = affine && bias !== null ? bias[channel] : 0;
      for (const end = i + plane; i < end; i++) y[i] = (x[i] - center) * factor + shift;
    }
  }
};

export const groupNormBackward: Operations['groupNormBackward'] = (
  images,
  groups,
  channels,
  plane,
  centered,
  affine,
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
  const parameters = groups * channels;
  const count = channels * plane;
  // Arguments that depend on `affine` are not read without it.
  const scaleSums = affine && dscale !== null ? workingSpace(parameters) : null;
  const biasSums = affine && dbias !== null ? workingSpace(parameters) : null;
  for (let row = 0; count > 0 && row < images * groups; row++) {
    const center = mean[row] + meanLow[row];
    const inverse = invStd[row];
    const first = (row % groups) * channels;
    const begin = row * count;
    let sum = 0;
    let products = 0;
    let i = begin;
    for (let channel = first; channel < first + channels; channel++) {
      let channelSum = 0;
      let channelProducts = 0;
      for (const end = i + plane; i < end; i++) {
        channelSum += dy[i];
        channelProducts += dy[i] * (x[i] - center);
      }
      const factor = affine && scale !== null ? scale[channel] : 1;
      sum += factor * channelSum;
      products += factor * channelProducts;
      if (scaleSums !== null) scaleSums[channel] += channelProducts * inverse;
      if (biasSums !== null) biasSums[channel] += channelSum;
    }
    const gradientMean = centered ? sum / count : 0;
    const coefficient = (inverse * inverse * products) / count;
    i = begin;
    for (let channel = first; channel < first + channels; channel++) {
      const factor = affine && scale !== null ? scale[channel] : 1;
      for (const end = i + plane; i < end; i++) {
        dx[i] = (dy[i] * factor - gradientMean - (x[i] - center) * coefficient) * inverse;
      }
    }
  }
  if (scaleSums !== null) dscale?.set(scaleSums);
  if (biasSums !== null) dbias?.set(biasSums);
};

function rowMean(x: Float32Array, begin: number, count: number): number {
  let sum = 0;
  for (let i = begin; i < begin + count; i++) sum += x[i];
  return sum / count;
}
