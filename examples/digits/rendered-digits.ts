import type { RandomSource } from 'batchnorm';
import { CLASSES, type Digits, imageAt, type Images } from './dataset.js';
import { chooseLook, inventWriter, write } from './handwriting.js';
import { randomStream } from './random.js';
import { render, SIZE } from './render.js';

const IMAGES_PER_WRITER = 2 * CLASSES;
/** Maximum number of validation and of test images; never more than training images. */
const MOST_OTHERS = 4_000;

/**
 * Digits as if written by hand. The three sets come from different writers, whose random streams do not overlap.
 */
export function renderDigits(seed: number, trainingImages: number): Digits {
  const others = Math.min(trainingImages, MOST_OTHERS);
  return {
    source: 'rendered digits',
    training: renderImages(trainingImages, randomStream(seed, 'training')),
    validation: renderImages(others, randomStream(seed, 'validation')),
    test: renderImages(others, randomStream(seed, 'test')),
  };
}

/** Every digit equally often, as far as `count` allows. */
export function renderImages(count: number, rng: RandomSource): Images {
  const images: Images = {
    count,
    rows: SIZE,
    columns: SIZE,
    pixels: new Uint8Array(count * SIZE * SIZE),
    labels: Uint8Array.from({ length: count }, (_, i) => i % CLASSES),
  };
  let writer = inventWriter(rng);
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % IMAGES_PER_WRITER === 0) writer = inventWriter(rng);
    const glyph = write(writer, images.labels[i], rng);
    render(glyph, chooseLook(writer, rng), rng, imageAt(images, i));
  }
  return images;
}
