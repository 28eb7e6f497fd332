// The network that is served: all that is particular to it stands here.
import { BatchNorm2D, DataLoader, Flatten2D, Linear, ReLU, Sequential } from './batchnorm.mjs';

/** Rows and columns of an image. */
export const SIZE = 28;
/** Bytes of an image: grey, row by row, 0 for black. */
export const PIXELS = SIZE * SIZE;
export const CLASSES = 10;

/** With weights from `rng`; `load` brings others. */
export function makeNetwork(rng = Math.random) {
  return new Sequential(
    new BatchNorm2D(1),
    new Flatten2D(),
    new Linear(PIXELS, 128, { rng }),
    new ReLU(),
    new Linear(128, CLASSES, { rng }),
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
