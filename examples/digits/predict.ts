import type { Tape } from 'batchnorm';
import type { Batcher } from './batches.js';
import type { Images } from './dataset.js';
import type { Classifier, Logits } from './model.js';

const IMAGES_AT_ONCE = 500;

/** The class that the network gives each image. */
export function predict(network: Classifier, images: Images, batcher: Batcher): Uint8Array {
  const classes = new Uint8Array(images.count);
  for (let start = 0; start < images.count; start += IMAGES_AT_ONCE) {
    const length = Math.min(IMAGES_AT_ONCE, images.count - start);
    const indices = Uint32Array.from({ length }, (_, i) => start + i);
    using logits = network.forward(batcher.batch(images, indices).images);
    classes.set(mostLikely(logits), start);
  }
  return classes;
}

/** The class with the highest score in each row. */
export function mostLikely(logits: Logits<Tape>): Uint8Array {
  return Uint8Array.from(logits.array(), (scores) =>
    scores.reduce((best, score, i) => (score > scores[best] ? i : best), 0),
  );
}

export function countEqual(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((equal, value, i) => equal + Number(value === b[i]), 0);
}
