// The served network, which `npm start` in the repository trains. Everything specific to it is in this file.
import { loadTrained } from '../../dist-dev/examples/digits/checkpoint.js';
import { CLASSES, datasetOf } from '../../dist-dev/examples/digits/dataset.js';
import { SIZE } from '../../dist-dev/examples/digits/render.js';
import { DataLoader, fold } from './batchnorm.mjs';

/** Classes; rows and columns of an image. */
export { CLASSES, SIZE };
/** Bytes of an image: greyscale, row-major, 0 for black. */
export const PIXELS = SIZE * SIZE;

/** A checkpoint's network for inference, and the pixel normalization that it was trained with. */
export async function load(path) {
  const { network, input } = await loadTrained(path);
  const { rows, columns, brightness } = input;
  if (rows !== SIZE || columns !== SIZE) {
    throw new Error(
      `Expected a network for images of ${SIZE} x ${SIZE} pixels in ${path} but found one for ${rows} x ${columns}`,
    );
  }
  // Batch norm is free from here on: it is folded into the weights of the convolutions.
  return { network: fold(network), brightness };
}

/** The probabilities of the classes for each of `count` images: count * CLASSES numbers. */
export function infer({ network, brightness }, pixels, count) {
  const images = { pixels, rows: SIZE, columns: SIZE };
  const [{ x }] = new DataLoader(datasetOf(images, brightness), { batchSize: count });
  const logits = network.forward(x);
  const logProbabilities = logits.logSoftmax();
  const probabilities = logProbabilities.exp();
  // Immediately, so that the next request reuses their memory.
  for (const tensor of [x, logits, logProbabilities]) tensor.dispose();
  return probabilities.data;
}
