import { setImmediate } from 'node:timers/promises';
import { backward, crossEntropyWithLogits, type RandomSource, Sgd } from 'batchnorm';
import type { Batcher } from './batches.js';
import type { Images } from './dataset.js';
import type { Classifier } from './model.js';
import { countEqual, mostLikely } from './predict.js';
import { shuffledIndices } from './random.js';

const BATCH_SIZE = 64;
const MOMENTUM = 0.9;

export interface TrainingOptions {
  readonly epochs: number;
  /** At the beginning; falls in a straight line to zero at the end. */
  readonly learningRate: number;
  /** Decides which images are in a batch together. */
  readonly rng: RandomSource;
  readonly signal: AbortSignal;
  readonly onStep: (progress: TrainingProgress) => void;
}

export interface TrainingProgress {
  /** From 1 to `epochs`, and from 1 to `stepsPerEpoch` in each. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Means over the epoch so far, of batches as they were before the step. */
  readonly loss: number;
  readonly accuracy: number;
  /** Since training began. */
  readonly imagesPerSecond: number;
}

/**
 * Trains the network in place.
 * @returns what the last step reported.
 * @throws the signal's reason once it is aborted.
 */
export async function train(
  network: Classifier,
  images: Images,
  batcher: Batcher,
  { epochs, learningRate, rng, signal, onStep }: TrainingOptions,
): Promise<TrainingProgress> {
  const sgd = new Sgd({ lr: learningRate, momentum: MOMENTUM });
  const batchSize = Math.min(BATCH_SIZE, images.count);
  // What does not fill a batch is left for the next epoch: a batch of one has no variance.
  const stepsPerEpoch = Math.floor(images.count / batchSize);
  const start = performance.now();
  let progress: TrainingProgress | undefined;

  for (let epoch = 1; epoch <= epochs; epoch++) {
    const order = shuffledIndices(images.count, rng);
    let lossSum = 0;
    let correct = 0;
    for (let step = 1; step <= stepsPerEpoch; step++) {
      const batch = batcher.batch(images, order.subarray((step - 1) * batchSize, step * batchSize));
      const logits = network.forwardMut(batch.images.trace());
      const loss = crossEntropyWithLogits(logits, batch.labels);
      correct += countEqual(mostLikely(logits), batch.labels);
      lossSum += loss.item();
      const stepsDone = (epoch - 1) * stepsPerEpoch + step - 1;
      sgd.lr = learningRate * (1 - stepsDone / (epochs * stepsPerEpoch));
      sgd.update(network, backward(loss));

      progress = {
        epoch,
        epochs,
        step,
        stepsPerEpoch,
        loss: lossSum / step,
        accuracy: correct / (step * batchSize),
        imagesPerSecond: ((stepsDone + 1) * batchSize * 1000) / (performance.now() - start),
      };
      onStep(progress);
      // Lets Ctrl-C and the progress bar's timer through.
      await setImmediate();
      signal.throwIfAborted();
    }
  }
  if (progress === undefined) throw new RangeError('Expected images and at least one epoch');
  return progress;
}
