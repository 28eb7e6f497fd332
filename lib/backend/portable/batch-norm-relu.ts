import type { Backend } from '../backend.js';
import { add } from './arithmetic.js';
import { batchNormBackward } from './batch-norm-backward.js';
import { batchNormInference } from './batch-norm-inference.js';
import { batchNormTraining } from './batch-norm-training.js';
import { relu, reluBackward } from './unary.js';

// The chain of operations, each in place on the result of the one before: here arithmetic takes longer
// than memory, and no sign of y can be found from factor and shift, which are float32.

export const batchNormReluTraining: Backend['batchNormReluTraining'] = (
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
  addend,
  y,
  mean,
  meanLow,
  invStd,
) => {
  batchNormTraining(
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
  );
  addAndRelu(images * channels * plane, addend, y);
};

export const batchNormReluInference: Backend['batchNormReluInference'] = (
  images,
  channels,
  plane,
  epsilon,
  x,
  scale,
  bias,
  runningMean,
  runningVar,
  addend,
  y,
) => {
  batchNormInference(images, channels, plane, epsilon, x, scale, bias, runningMean, runningVar, y);
  addAndRelu(images * channels * plane, addend, y);
};

export const batchNormReluBackward: Backend['batchNormReluBackward'] = (
  images,
  channels,
  plane,
  x,
  y,
  dy,
  scale,
  mean,
  meanLow,
  invStd,
  _factor,
  _shift,
  dx,
  daddend,
  dscale,
  dbias,
) => {
  const passed = daddend ?? dx;
  reluBackward(images * channels * plane, y, dy, passed);
  batchNormBackward(images, channels, plane, x, passed, scale, mean, meanLow, invStd, dx, dscale, dbias);
};

function addAndRelu(n: number, addend: Float32Array | null, y: Float32Array): void {
  if (addend !== null) add(1, n, n, y, addend, y);
  relu(n, y, y);
}
