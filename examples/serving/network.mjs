// The network that is served: all that is particular to it stands here.
import {
  AvgPoolGlobal,
  BatchNorm2D,
  Conv2D,
  DataLoader,
  Linear,
  MaxPool2D,
  ReLU,
  Residual,
  Sequential,
} from './batchnorm.mjs';

/** Rows and columns of an image. */
export const SIZE = 28;
/** Bytes of an image: grey, row by row, 0 for black. */
export const PIXELS = SIZE * SIZE;
export const CLASSES = 10;

/** A small residual network with weights from `rng`; `load` brings others. */
export function makeNetwork(rng = Math.random) {
  const convolution = (from, to) => new Conv2D(from, to, 3, { padding: 1, bias: false, rng });
  const block = new Residual(
    new Sequential(
      convolution(16, 16),
      new BatchNorm2D(16),
      new ReLU(),
      convolution(16, 16),
      new BatchNorm2D(16),
    ),
  );
  return new Sequential(
    convolution(1, 16),
    new BatchNorm2D(16),
    new ReLU(),
    new MaxPool2D(2, 2), // [16, 14, 14]
    block,
    new ReLU(),
    new MaxPool2D(2, 2), // [16, 7, 7]
    convolution(16, 32),
    new BatchNorm2D(32),
    new ReLU(),
    new AvgPoolGlobal(), // [32]
    new Linear(32, CLASSES, { rng }),
  );
}

/** Images as what a DataLoader takes: bytes become the same numbers in training and here. */
export function datasetOf(pixels, labels) {
  return { features: pixels, shape: [1, SIZE, SIZE], labels, scale: 1 / 255 };
}

/** The probabilities of the classes for each of `count` images: count * CLASSES numbers. */
export function infer(network, pixels, count) {
  const [{ x }] = new DataLoader(datasetOf(pixels), { batchSize: count });
  const logits = network.forward(x);
  const logProbabilities = logits.logSoftmax();
  const probabilities = logProbabilities.exp();
  // At once, so that the next request has their memory.
  for (const tensor of [x, logits, logProbabilities]) tensor.dispose();
  return probabilities.data;
}
