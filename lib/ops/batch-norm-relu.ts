import { graphsOf, recorded } from '../core/record.js';
import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape, OwnedTape, Tape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import type { BatchNormState } from './batch-norm.js';
import type { ImageShape } from './image-shape.js';

// Batch norm and the ReLU behind it, with a sum between the two or without, in one pass over memory: the
// same bits as the operations one after the other, whose results in between are never written.

/** relu(batchNormInference(x) + addend) */
export function batchNormReluInference<S extends Shape>(
  x: Tensor<S>,
  { images, channels, plane }: ImageShape,
  state: BatchNormState,
  addend: Tensor<Shape> | undefined,
): Tensor<S> {
  const input = storageOf(x);
  const added = addend === undefined ? undefined : storageOf(addend);
  const scale = storageOf(state.scale);
  const bias = storageOf(state.bias);
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  backend.batchNormReluInference(
    images,
    channels,
    plane,
    state.epsilon,
    input.values,
    scale.values,
    bias.values,
    runningMean.values,
    runningVar.values,
    added === undefined ? null : added.values,
    output.values,
  );
  return createTensor<S, NoneTape>(x.shape, output, undefined);
}

/** relu(batchNormTraining(x) + addend), recorded as one operation. */
export function batchNormReluTraining<S extends Shape>(
  x: Tensor<S, OwnedTape>,
  image: ImageShape,
  state: BatchNormState,
  momentum: number,
  addend: Tensor<Shape, Tape> | undefined,
): Tensor<S, OwnedTape> {
  const { images, channels, plane } = image;
  const inputs: Tensor<Shape, Tape>[] = [x, state.scale, state.bias];
  if (addend !== undefined) inputs.push(addend);
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const added = addend === undefined ? undefined : storageOf(addend);
  const scale = storageOf(state.scale);
  const bias = storageOf(state.bias);
  const runningMean = storageOf(state.runningMean);
  const runningVar = storageOf(state.runningVar);
  const output = Storage.take(input.values.length);
  const [mean, meanLow, invStd, factor, shift] = [0, 1, 2, 3, 4].map(() => Storage.take(channels));
  backend.batchNormReluTraining(
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
    added === undefined ? null : added.values,
    output.values,
    mean.values,
    meanLow.values,
    invStd.values,
    factor.values,
    shift.values,
  );
  runningMean.version++;
  runningVar.version++;

  const result = recorded<S, OwnedTape>(graphs, inputs, x.shape, output, () => ({
    saved: [input, output, scale, mean, meanLow, invStd, factor, shift],
    backward: (dy, give) => {
      const n = dy.values.length;
      const dx = Storage.take(n);
      const daddend = added === undefined ? undefined : Storage.take(n);
      const dscale = Storage.take(channels);
      const dbias = Storage.take(channels);
      backend.batchNormReluBackward(
        images,
        channels,
        plane,
        input.values,
        output.values,
        dy.values,
        scale.values,
        mean.values,
        meanLow.values,
        invStd.values,
        factor.values,
        shift.values,
        dx.values,
        daddend === undefined ? null : daddend.values,
        dscale.values,
        dbias.values,
      );
      // In the order of the chain, whose sum comes before the normalization on the way back.
      if (daddend !== undefined) give(3, daddend);
      give(0, dx);
      give(1, dscale);
      give(2, dbias);
    },
  }));
  for (const each of [mean, meanLow, invStd, factor, shift]) each.release();
  return result;
}
