import { crossEntropyWithLogitsLoss, DataLoader, type Tape } from 'batchnorm';
import { type Brightness, datasetOf, type Images } from './dataset.js';
import type { Classifier, Logits } from './model.js';

const IMAGES_AT_ONCE = 100;

export interface Prediction {
  /** The predicted class of each image. */
  readonly classes: Uint8Array;
  /** Mean loss over the images. */
  readonly loss: number;
  /** Fraction of the images with the right class. */
  readonly accuracy: number;
}

/** Evaluates images in inference mode, with running statistics. */
export function predict(network: Classifier, images: Images, brightness: Brightness): Prediction {
  const loader = new DataLoader(datasetOf(images, brightness), { batchSize: IMAGES_AT_ONCE });
  const classes = new Uint8Array(images.count);
  let lossSum = 0;
  let done = 0;
  for (using batch of loader) {
    using logits = network.forward(batch.x);
    classes.set(mostLikely(logits), done);
    lossSum += crossEntropyWithLogitsLoss(logits, batch.labels).item() * batch.size;
    done += batch.size;
  }
  const accuracy = countEqual(classes, images.labels) / images.count;
  return { classes, loss: lossSum / images.count, accuracy };
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
