// The served network, which `npm start` in the repository trains. Everything specific to it is in this file.
import { loadTrained } from '../../dist-dev/examples/digits/checkpoint.js';
import { CLASSES } from '../../dist-dev/examples/digits/dataset.js';
import { SIZE } from '../../dist-dev/examples/digits/render.js';
import { compile, Tensor } from './batchnorm.mjs';

/** Classes; rows and columns of an image. */
export { CLASSES, SIZE };
/** Bytes of an image: grayscale, row-major, 0 for black. */
export const PIXELS = SIZE * SIZE;

/** Each is compiled when the weights are loaded, so that no request waits for it. Larger batches are no faster per image. */
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64];

/** A checkpoint's network for inference, and the pixel normalization that it was trained with. */
export async function load(path) {
  const { network, input } = await loadTrained(path);
  const { rows, columns, brightness } = input;
  if (rows !== SIZE || columns !== SIZE) {
    throw new Error(
      `Expected a network for images of ${SIZE} x ${SIZE} pixels in ${path} but found one for ${rows} x ${columns}`,
    );
  }
  return { network, brightness };
}

/** The plan of a network; batch norm is folded into the weights of the convolutions. */
export function compileNetwork(network) {
  return compile(network, [BATCH_SIZES.at(-1), 1, SIZE, SIZE], { batchSizes: BATCH_SIZES });
}

/** An image as the network was trained with it. */
export function sampleOf(pixels, { mean, deviation }) {
  const values = new Float32Array(PIXELS);
  // Float32Array.from with a function takes ten times as long.
  for (let i = 0; i < PIXELS; i++) values[i] = (pixels[i] - mean) / deviation;
  return Tensor.adopt(values, [1, SIZE, SIZE]);
}

/** The probabilities of the classes from their scores. */
export function probabilitiesOf(logits) {
  const scores = logits.array();
  const highest = Math.max(...scores); // without it, exp() could overflow
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}
