import { graphsOf, recorded } from '../core/record.js';
import { backend } from '../backend/index.js';
import { freshFloats } from '../backend/room.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape, OwnedTape, Tape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor, type Tensor1D } from '../core/tensor.js';
import type { ImageShape } from './image-shape.js';

/** What one layer normalizes with: a value per channel each. */
export interface BatchNormState {
  readonly scale: Tensor1D<number>;
  readonly bias: Tensor1D<number>;
  readonly runningMean: Tensor1D<number>;
  readonly runningVar: Tensor1D<number>;
  readonly epsilon: number;
}

/** Normalizes with the running statistics. */
export function batchNormInference<S extends Shape>(
  x: Tensor<S>,
  { images, channels, plane }: ImageShape,
  state: BatchNormState,
): Tensor<S> {
  const input = storageOf(x);
  const scale = storageOf(state.scale);
  const bias = storageOf(state.bias);
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  backend.batchNormInference(
    images,
    channels,
    plane,
    state.epsilon,
    input.values,
    scale.values,
    bias.values,
    runningMean.values,
    runningVar.values,
    output.values,
  );
  return createTensor<S, NoneTape>(x.shape, output, undefined);
}

/** Normalizes with the running statistics, with a tape or without. `trainable` gives scale and bias
 * gradients, too. */
export function batchNormFrozen<S extends Shape>(
  x: Tensor<S, Tape>,
  image: ImageShape,
  state: BatchNormState,
  trainable: boolean,
): Tensor<S, Tape> {
  const inputs: Tensor<Shape, Tape>[] = trainable ? [x, state.scale, state.bias] : [x];
  const graphs = graphsOf([x]);
  const untaped = batchNormInference(x as Tensor<S>, image, state);
  if (graphs.length === 0) return untaped;
  const { images, channels, plane } = image;
  const { epsilon } = state;
  const input = storageOf(x);
  const scale = storageOf(state.scale);
  const mean = storageOf(state.runningMean);
  const variance = storageOf(state.runningVar);
  return recorded(graphs, inputs, x.shape, storageOf(untaped), () => ({
    saved: [input, scale, mean, variance],
    backward: (dy, give) => {
      const zeros = freshFloats('working space', channels);
      const dx = Storage.take(dy.values.length);
      if (trainable) {
        const invStd = freshFloats('working space', channels);
        for (let c = 0; c < channels; c++) {
          invStd[c] = 1 / Math.sqrt(variance.values[c] + epsilon);
        }
        const dscale = Storage.take(channels);
        const dbias = Storage.take(channels);
        // dx is that of training here, which also goes through the statistics; it is overwritten below.
        backend.batchNormBackward(
          images,
          channels,
          plane,
          input.values,
          dy.values,
          scale.values,
          mean.values,
          zeros,
          invStd,
          dx.values,
          dscale.values,
          dbias.values,
        );
        give(1, dscale);
        give(2, dbias);
      }
      // dy * scale / sqrt(runningVar + epsilon): inference on dy with mean and bias of zero.
      backend.batchNormInference(
        images,
        channels,
        plane,
        epsilon,
        dy.values,
        scale.values,
        zeros,
        zeros,
        variance.values,
        dx.values,
      );
      give(0, dx);
    },
  }));
}

/** Normalizes with the statistics of the batch, moves the running ones, and records both as one
 * operation with one backward pass. */
export function batchNormTraining<S extends Shape>(
  x: Tensor<S, OwnedTape>,
  image: ImageShape,
  state: BatchNormState,
  momentum: number,
): Tensor<S, OwnedTape> {
  const { images, channels, plane } = image;
  const inputs: Tensor<Shape, Tape>[] = [x, state.scale, state.bias];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const scale = storageOf(state.scale);
  const bias = storageOf(state.bias);
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  const mean = Storage.take(channels);
  const meanLow = Storage.take(channels);
  const invStd = Storage.take(channels);
  backend.batchNormTraining(
    images,
    channels,
    plane,
    state.epsilon,
    momentum,
    input.values,
    scale.values,
    bias.values,
    runningMean.values,
    runningVar.values,
    output.values,
    mean.values,
    meanLow.values,
    invStd.values,
  );
  runningMean.version++;
  runningVar.version++;

  const result = recorded<S, OwnedTape>(graphs, inputs, x.shape, output, () => ({
    saved: [input, scale, mean, meanLow, invStd],
    backward: (dy, give) => {
      const dx = Storage.take(dy.values.length);
      const dscale = Storage.take(channels);
      const dbias = Storage.take(channels);
      backend.batchNormBackward(
        images,
        channels,
        plane,
        input.values,
        dy.values,
        scale.values,
        mean.values,
        meanLow.values,
        invStd.values,
        dx.values,
        dscale.values,
        dbias.values,
      );
      give(0, dx);
      give(1, dscale);
      give(2, dbias);
    },
  }));
  mean.release();
  meanLow.release();
  invStd.release();
  return result;
}
