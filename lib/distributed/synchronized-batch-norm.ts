import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { OwnedTape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import type { BatchNormTraining } from '../ops/batch-norm.js';
import {
  gradientSums,
  noParameterGradients,
  parameterGradients,
  passOn,
  readOperands,
  recordPass,
  reluArguments,
  takeStatistics,
} from '../ops/batch-norm-pass.js';
import { type BatchNormState, type Fusion, storedEpsilon } from '../ops/batch-norm-state.js';
import type { ImageShape } from '../ops/image-shape.js';
import { wrongShape } from '../validation/errors.js';
import type { Group } from './group.js';
import { type GroupMoments, mergeMoments, momentsLength } from './merge-moments.js';

/** The exchange that the passes of a layer need. */
export type StatisticsGroup = Pick<Group, 'size' | 'allGather' | 'sum'>;

/**
 * A training pass like `batchNormTraining`, with the statistics of the batches of all ranks. Every rank must call it, and
 * later call `backward`, for the same layers in the same order. A rank's batch may be empty.
 */
export function synchronizedTraining(group: StatisticsGroup): BatchNormTraining {
  return <S extends Shape>(
    x: Tensor<S, OwnedTape>,
    image: ImageShape,
    state: BatchNormState,
    momentum: number,
    fusion?: Fusion,
  ): Tensor<S, OwnedTape> => {
    const { images, channels, plane } = image;
    const operands = readOperands(x, state, fusion);
    const { input, residual, scale, bias } = operands;

    const moments = exchangeMoments(group, image, input);
    const { count } = moments;
    if (count < 2) {
      throw wrongShape(
        'x',
        'at least two values per channel in training, in the batches of all ranks together',
        count === 0 ? 'empty batches' : 'one',
      );
    }
    const inverse = new Float64Array(channels);
    for (let channel = 0; channel < channels; channel++) {
      inverse[channel] = 1 / Math.sqrt(moments.m2[channel] / count + state[storedEpsilon].value);
    }
    const output = Storage.take(input.values.length);
    const statistics = takeStatistics(channels, fusion);
    const { mean, meanLow, invStd, relu } = statistics;
    backend.batchNormNormalize(
      images,
      channels,
      plane,
      relu !== null,
      input.named('x'),
      named('mean', moments.mean),
      named('invStd', inverse),
      scale.named('scale'),
      bias.named('bias'),
      residual === null ? null : residual.named('residual'),
      output.named('y'),
      relu === null ? null : relu.factor.named('factor'),
      relu === null ? null : relu.shift.named('shift'),
    );
    updateRunningStatistics(state, momentum, moments);

    for (let channel = 0; channel < channels; channel++) {
      mean.values[channel] = moments.mean[channel];
      meanLow.values[channel] = moments.mean[channel] - mean.values[channel];
      invStd.values[channel] = inverse[channel];
    }
    return recordPass(operands, statistics, x.shape, output, (dy, accumulate) => {
      const sums = gradientSums(image, operands, statistics, output, dy);
      const { dresidual } = sums;
      // The gradients of the parameters are those of this rank's batch; like those of all other layers, they are
      // added up later.
      const own = operands.isLearned ? parameterGradients(sums, invStd) : noParameterGradients;
      group.sum(sums.both);
      const dx = Storage.take(dy.values.length);
      // With a residual, its gradient is dy where the ReLU passed it.
      const isMasked = relu !== null && dresidual === null;
      backend.batchNormInputGradient(
        images,
        channels,
        plane,
        count,
        isMasked,
        input.named('x'),
        dresidual === null ? dy.named('dy') : dresidual.named('dy'),
        scale.named('scale'),
        mean.named('mean'),
        meanLow.named('meanLow'),
        invStd.named('invStd'),
        ...reluArguments(isMasked ? relu : null, output),
        sums.sumDy,
        sums.sumDyXmu,
        dx.named('dx'),
      );
      passOn(operands, accumulate, { dx, dresidual, ...own });
    });
  };
}

/** The moments of each channel over the batches of all ranks. */
function exchangeMoments(
  group: StatisticsGroup,
  { images, channels, plane }: ImageShape,
  input: Storage,
): GroupMoments {
  const own = new Float64Array(momentsLength(channels));
  own[0] = images * plane;
  backend.batchNormMoments(
    images,
    channels,
    plane,
    input.named('x'),
    named('mean', own.subarray(1, 1 + channels)),
    named('m2', own.subarray(1 + channels)),
  );
  return mergeMoments(group.allGather(own), group.size, channels);
}

/** running = (1 - momentum) * running + momentum * statistic, with the unbiased variance of all values. */
function updateRunningStatistics(
  { runningMean, runningVar }: BatchNormState,
  momentum: number,
  { count, mean, m2 }: GroupMoments,
): void {
  for (const [running, statistic] of [
    [storageOf(runningMean), (channel: number) => mean[channel]],
    [storageOf(runningVar), (channel: number) => m2[channel] / (count - 1)],
  ] as const) {
    const { values } = running;
    for (let channel = 0; channel < values.length; channel++) {
      values[channel] = (1 - momentum) * values[channel] + momentum * statistic(channel);
    }
    running.version++;
  }
}
