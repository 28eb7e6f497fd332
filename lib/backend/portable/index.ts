import { hasAddressSpace } from '../address-space.js';
import { backendInfo } from '../backend-info.js';
import type { Backend } from '../backend.js';
import * as activations from './activations.js';
import { adamStep } from './adam-step.js';
import * as arithmetic from './arithmetic.js';
import { extremumAxis, extremumAxisBackward, extremumIndexAxis, sumAxis } from './axis-reductions.js';
import { batchNormBackward, batchNormGradientSums, batchNormInputGradient } from './batch-norm-backward.js';
import { batchNormInference } from './batch-norm-inference.js';
import { batchNormMoments } from './batch-norm-moments.js';
import { batchNormNormalize } from './batch-norm-normalize.js';
import { batchNormTraining } from './batch-norm-training.js';
import { checked } from './checked.js';
import { dropout } from './dropout.js';
import { collectGarbage } from './collect-garbage.js';
import {
  conv2d,
  conv2dAddInputGradient,
  conv2dInference,
  conv2dInputGradient,
  conv2dPack,
  conv2dPackedLength,
  conv2dWeightGradient,
} from './conv2d.js';
import { groupNorm, groupNormBackward } from './group-norm.js';
import { logSoftmax, logSoftmaxBackward } from './log-softmax.js';
import {
  absoluteError,
  binaryCrossEntropy,
  huber,
  squaredError,
  weightedBinaryCrossEntropy,
} from './losses.js';
import type { Operations } from '../operations.js';
import { matmul } from './matmul.js';
import { overlap } from './overlap.js';
import { avgPool, avgPoolBackward, maxPool, maxPoolBackward } from './pool.js';
import { rowMeans, rowMeansBackward, sum, sumRows } from './reductions.js';
import { rmspropStep } from './rmsprop-step.js';
import { sgdStep } from './sgd-step.js';
import { softmax, softmaxBackward } from './softmax.js';
import { stridedCopy } from './strided-copy.js';
import * as unary from './unary.js';

const operations: Operations = {
  batchNormTraining,
  batchNormInference,
  batchNormBackward,
  batchNormMoments,
  batchNormNormalize,
  batchNormGradientSums,
  batchNormInputGradient,
  groupNorm,
  groupNormBackward,
  ...arithmetic,
  ...unary,
  ...activations,
  dropout,
  sum,
  sumRows,
  rowMeans,
  rowMeansBackward,
  softmax,
  softmaxBackward,
  squaredError,
  absoluteError,
  huber,
  binaryCrossEntropy,
  weightedBinaryCrossEntropy,
  maxPool,
  maxPoolBackward,
  avgPool,
  avgPoolBackward,
  logSoftmax,
  logSoftmaxBackward,
  matmul,
  conv2d,
  conv2dInference,
  conv2dPackedLength,
  conv2dPack,
  conv2dInputGradient,
  conv2dAddInputGradient,
  conv2dWeightGradient,
  stridedCopy,
  sumAxis,
  extremumAxis,
  extremumAxisBackward,
  extremumIndexAxis,
  sgdStep,
  adamStep,
  rmspropStep,
  setThreads: () => undefined,
  copy: (n, x, y) => y.set(n === x.length ? x : x.subarray(0, n)),
  overlap,
  bytesToCacheLine: () => 0,
  adviseHugePages: () => undefined,
  hasRoom: (bytes, left) => hasAddressSpace(bytes + left),
};

/** The backend in TypeScript: it computes in double precision and stores float32. */
export function portableBackend(reason?: string): Backend {
  const info = backendInfo('portable', 'js', () => 1, reason);
  const nothing = () => undefined;
  return { ...checked(operations), info, collectGarbage, ownThreads: nothing, cacheSizes: nothing };
}
