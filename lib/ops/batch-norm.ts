import { graphsOf, recorded } from '../core/record.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { freshFloats } from '../backend/allocation.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape, OwnedTape, Tape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import {
  gradientSums,
  noParameterGradients,
  parameterGradients,
  passOn,
  readOperands,
  recordPass,
  reluArguments,
  takeStatistics,
  takeSums,
} from './batch-norm-pass.js';
import { affineOf, type BatchNormState, type Fusion, learnedOf, storedEpsilon } from './batch-norm-state.js';
import type { ImageShape } from './image-shape.js';

/** Normalizes with the running statistics. */
export function batchNormInference<S extends Shape>(
  x: Tensor<S>,
  { images, channels, plane }: ImageShape,
  state: BatchNormState,
  fusion?: Fusion,
): Tensor<S> {
  const input = storageOf(x);
  const residual = fusion?.residual === undefined ? null : storageOf(fusion.residual);
  const { scale, bias } = affineOf(state);
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  backend.batchNormInference(
    images,
    channels,
    plane,
    state[storedEpsilon].value,
    fusion !== undefined,
    input.named('x'),
    scale.named('scale'),
    bias.named('bias'),
    runningMean.named('runningMean'),
    runningVar.named('runningVar'),
    residual === null ? null : residual.named('residual'),
    output.named('y'),
  );
  return createTensor<S, NoneTape>(x.shape, output, undefined);
}

/**
 * Normalizes with the running statistics, with or without a tape. With `trainable`, scale and bias receive
 * gradients, too.
 */
export function batchNormFrozen<S extends Shape>(
  x: Tensor<S, Tape>,
  image: ImageShape,
  state: BatchNormState,
  trainable: boolean,
): Tensor<S, Tape> {
  const learned = trainable ? learnedOf(state) : [];
  const inputs = [x, ...learned];
  const graphs = graphsOf([x]);
  const untaped = batchNormInference(x as Tensor<S>, image, state);
  if (graphs.length === 0) return untaped;
  const { images, channels, plane } = image;
  const epsilon = state[storedEpsilon].value;
  const input = storageOf(x);
  const { scale } = affineOf(state);
  const mean = storageOf(state.runningMean);
  const variance = storageOf(state.runningVar);
  return recorded(graphs, inputs, x.shape, storageOf(untaped), () => ({
    saved: [input, scale, mean, variance],
    backward: (dy, accumulate, needsGradient) => {
      const zeros = freshFloats('working space', channels);
      if (learned.length > 0 && (needsGradient(1) || needsGradient(2))) {
        const { sumDy, sumDyXmu } = takeSums(channels);
        backend.batchNormGradientSums(
          images,
          channels,
          plane,
          false,
          input.named('x'),
          dy.named('dy'),
          mean.named('mean'),
          named('meanLow', zeros),
          null,
          null,
          null,
          null,
          sumDy,
          sumDyXmu,
        );
        const invStd = freshFloats('working space', channels);
        for (let c = 0; c < channels; c++) {
          invStd[c] = 1 / Math.sqrt(variance.values[c] + epsilon);
        }
        const { dscale, dbias } = parameterGradients({ sumDy, sumDyXmu }, { values: invStd });
        accumulate(1, dscale);
        accumulate(2, dbias);
      }
      if (!needsGradient(0)) return;
      // dx = dy * scale / sqrt(runningVar + epsilon): inference on dy with a mean and a bias of zero.
      const dx = Storage.take(dy.values.length);
      backend.batchNormInference(
        images,
        channels,
        plane,
        epsilon,
        false,
        dy.named('x'),
        scale.named('scale'),
        named('bias', zeros),
        named('runningMean', zeros),
        variance.named('runningVar'),
        null,
        dx.named('y'),
      );
      accumulate(0, dx);
    },
  }));
}

/** The type of `batchNormTraining`, for layers that take their statistics from more than their batch. */
export type BatchNormTraining = <S extends Shape>(
  x: Tensor<S, OwnedTape>,
  image: ImageShape,
  state: BatchNormState,
  momentum: number,
  fusion?: Fusion,
) => Tensor<S, OwnedTape>;

/** Normalizes with the statistics of the batch, updates the running statistics, and records one operation. */
export function batchNormTraining<S extends Shape>(
  x: Tensor<S, OwnedTape>,
  image: ImageShape,
  state: BatchNormState,
  momentum: number,
  fusion?: Fusion,
): Tensor<S, OwnedTape> {
  const { images, channels, plane } = image;
  const operands = readOperands(x, state, fusion);
  const { input, residual, scale, bias } = operands;
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  const statistics = takeStatistics(channels, fusion);
  const { mean, meanLow, invStd, relu } = statistics;
  backend.batchNormTraining(
    images,
    channels,
    plane,
    state[storedEpsilon].value,
    momentum,
    relu !== null,
    input.named('x'),
    scale.named('scale'),
    bias.named('bias'),
    runningMean.named('runningMean'),
    runningVar.named('runningVar'),
    residual === null ? null : residual.named('residual'),
    output.named('y'),
    mean.named('mean'),
    meanLow.named('meanLow'),
    invStd.named('invStd'),
    relu === null ? null : relu.factor.named('factor'),
    relu === null ? null : relu.shift.named('shift'),
  );
  runningMean.version++;
  runningVar.version++;

  return recordPass(operands, statistics, x.shape, output, (dy, accumulate, needsGradient) => {
    if (!needsGradient(0)) {
      const sums = gradientSums(image, operands, statistics, output, dy);
      const own = operands.isLearned ? parameterGradients(sums, invStd) : noParameterGradients;
      passOn(operands, accumulate, { dx: null, dresidual: sums.dresidual, ...own });
      return;
    }
    const n = dy.values.length;
    const dx = Storage.take(n);
    const dresidual = residual === null ? null : Storage.take(n);
    // dx needs these sums anyway.
    const dscale = Storage.take(channels);
    const dbias = Storage.take(channels);
    backend.batchNormBackward(
      images,
      channels,
      plane,
      relu !== null,
      input.named('x'),
      dy.named('dy'),
      scale.named('scale'),
      mean.named('mean'),
      meanLow.named('meanLow'),
      invStd.named('invStd'),
      ...reluArguments(relu, output),
      dx.named('dx'),
      dresidual?.named('dresidual') ?? null,
      dscale.named('dscale'),
      dbias.named('dbias'),
    );
    if (operands.isLearned) {
      passOn(operands, accumulate, { dx, dresidual, dscale, dbias });
    } else {
      passOn(operands, accumulate, { dx, dresidual, ...noParameterGradients });
      dscale.release();
      dbias.release();
    }
  });
}
