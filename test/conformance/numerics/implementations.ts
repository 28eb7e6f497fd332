import { batchNormBackward, batchNormTraining } from 'batchnorm/raw';
import type { Case, Result } from './case.js';

/** The backend of this process. */
export function ours({ layout, x, dy, scale, bias, epsilon }: Case): Result {
  const { images, channels, plane } = layout;
  const shape = [images, channels, plane, 1] as const;
  const runningMean = new Float32Array(channels);
  const runningVar = new Float32Array(channels);
  const running = { runningMean, runningVar, momentum: 1 };
  const forward = batchNormTraining({ x, shape, scale, bias, epsilon, ...running });
  const { y, mean, meanLow, invStd } = forward;
  const backward = batchNormBackward({ x, dy, shape, scale, mean, meanLow, invStd });
  const count = images * plane;
  return {
    y,
    mean: Float64Array.from(mean, (high, c) => high + meanLow[c]),
    // With momentum 1 it is the batch variance with divisor n - 1.
    variance: Float64Array.from(runningVar, (value) => (value * (count - 1)) / count),
    ...backward,
  };
}

const { fround, sqrt, max } = Math;

/** The naive implementation: var = E[x^2] - E[x]^2, all sums in float32. */
export function naive({ layout, x, dy, scale, bias, epsilon }: Case): Result {
  const { images, channels, plane } = layout;
  const count = images * plane;
  const y = new Float32Array(x.length);
  const dx = new Float32Array(x.length);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const dscale = new Float32Array(channels);
  const dbias = new Float32Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const each = (visit: (i: number) => void) => {
      for (let image = 0; image < images; image++) {
        const start = (image * channels + channel) * plane;
        for (let i = start; i < start + plane; i++) visit(i);
      }
    };
    let sum = 0;
    let squares = 0;
    each((i) => {
      sum = fround(sum + x[i]);
      squares = fround(squares + fround(x[i] * x[i]));
    });
    const m = fround(sum / count);
    const v = max(0, fround(fround(squares / count) - fround(m * m)));
    const invStd = fround(1 / sqrt(v + epsilon));
    let dySum = 0;
    let products = 0;
    each((i) => {
      const xHat = fround(fround(x[i] - m) * invStd);
      y[i] = fround(xHat * scale[channel]) + bias[channel];
      dySum = fround(dySum + dy[i]);
      products = fround(products + fround(dy[i] * xHat));
    });
    each((i) => {
      const xHat = fround(fround(x[i] - m) * invStd);
      const inner = fround(fround(dy[i] - fround(dySum / count)) - fround(xHat * fround(products / count)));
      dx[i] = fround(scale[channel] * invStd) * inner;
    });
    mean[channel] = m;
    variance[channel] = v;
    dscale[channel] = products;
    dbias[channel] = dySum;
  }
  return { y, mean, variance, dx, dscale, dbias };
}
