import {
  AvgPoolGlobal,
  BatchNorm2D,
  type CanUpdateWithGradients,
  Conv2D,
  GeneralizedResidual,
  Linear,
  type LoadFromNpz,
  type Module,
  type ModuleMut,
  type NoneTape,
  type OwnedTape,
  type RandomSource,
  ReLU,
  type SaveToNpz,
  Sequential,
  type Tape,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { CLASSES } from './dataset.js';

/** Grayscale images have one channel. */
export type ImageBatch<T extends Tape = NoneTape> = Tensor4D<number, 1, number, number, T>;
/** A score for each class; the highest one is the prediction. */
export type Logits<T extends Tape = NoneTape> = Tensor2D<number, typeof CLASSES, T>;

/** A network that classifies digits. */
export interface Classifier
  extends
    CanUpdateWithGradients,
    SaveToNpz,
    LoadFromNpz,
    Module<ImageBatch, Logits>,
    ModuleMut<ImageBatch<OwnedTape>, Logits<OwnedTape>> {}

/**
 * A residual network for images of any size: a convolution, two blocks that halve rows and columns and double the
 * channels, the mean of each channel, a linear layer. Everything else, including initial weights, is the same with and
 * without batch norm.
 */
export function makeClassifier(withBatchNorm: boolean, rng: RandomSource): Classifier {
  return withBatchNorm ? makeNormalized(rng) : makePlain(rng);
}

/** The network with batch norm after each convolution. */
export function makeNormalized(rng: RandomSource) {
  return new Sequential(
    convolution(1, 8, 3, 1, rng),
    new BatchNorm2D(8),
    new ReLU(),
    normalizedBlock(8, 16, rng),
    new ReLU(),
    normalizedBlock(16, 32, rng),
    new ReLU(),
    new AvgPoolGlobal(),
    new Linear(32, CLASSES, { rng }),
  );
}

function makePlain(rng: RandomSource) {
  return new Sequential(
    convolution(1, 8, 3, 1, rng),
    new ReLU(),
    plainBlock(8, 16, rng),
    new ReLU(),
    plainBlock(16, 32, rng),
    new ReLU(),
    new AvgPoolGlobal(),
    new Linear(32, CLASSES, { rng }),
  );
}

// The compiler checks only known channels; within a block they are variables.
function normalizedBlock(from: number, to: number, rng: RandomSource) {
  return new GeneralizedResidual(
    new Sequential(
      convolution(from, to, 3, 2, rng),
      new BatchNorm2D(to),
      new ReLU(),
      convolution(to, to, 3, 1, rng),
      new BatchNorm2D(to),
    ),
    new Sequential(convolution(from, to, 1, 2, rng), new BatchNorm2D(to)),
  );
}

function plainBlock(from: number, to: number, rng: RandomSource) {
  return new GeneralizedResidual(
    new Sequential(convolution(from, to, 3, 2, rng), new ReLU(), convolution(to, to, 3, 1, rng)),
    convolution(from, to, 1, 2, rng),
  );
}

/** A convolution with padding that keeps rows and columns, divided by the stride. */
function convolution<From extends number, To extends number>(
  from: From,
  to: To,
  size: number,
  stride: number,
  rng: RandomSource,
) {
  return new Conv2D(from, to, size, { stride, padding: (size - 1) / 2, rng });
}
