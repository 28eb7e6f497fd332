import type { Batcher } from './batches.js';
import type { Digits } from './dataset.js';
import { Classifier } from './model.js';
import { countEqual, predict } from './predict.js';
import type { ProgressDisplay } from './progress.js';
import { randomStream } from './random.js';
import { train, type TrainingProgress } from './train.js';

export const LEARNING_RATES = [0.01, 0.03, 0.1, 0.3];

export interface Trial {
  readonly learningRate: number;
  readonly network: Classifier;
  /** What the last step of training reported. */
  readonly last: TrainingProgress;
  readonly validationAccuracy: number;
}

export interface TrialOptions {
  readonly epochs: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly display: ProgressDisplay;
}

/**
 * Trains one network at each learning rate. All begin with the same weights and see the same batches;
 * so do those with and those without batch norm.
 */
export async function tryLearningRates(
  withBatchNorm: boolean,
  digits: Digits,
  batcher: Batcher,
  { epochs, seed, signal, display }: TrialOptions,
): Promise<Trial[]> {
  const { training, validation } = digits;
  const trials: Trial[] = [];
  for (const learningRate of LEARNING_RATES) {
    const pixels = training.rows * training.columns;
    const network = new Classifier(pixels, withBatchNorm, randomStream(seed, 'weights'));
    display.begin(`lr ${learningRate.toFixed(2)}`);
    const last = await train(network, training, batcher, {
      epochs,
      learningRate,
      rng: randomStream(seed, 'batches'),
      signal,
      onStep: (progress) => display.step(progress),
    }).finally(() => display.end());
    const correct = countEqual(predict(network, validation, batcher), validation.labels);
    const validationAccuracy = correct / validation.count;
    trials.push({ learningRate, network, last, validationAccuracy });
  }
  return trials;
}

/** The one with the highest validation accuracy; the lower learning rate of two that are equal. */
export function bestOf(trials: readonly Trial[]): Trial {
  return trials.reduce((best, trial) =>
    trial.validationAccuracy > best.validationAccuracy ? trial : best,
  );
}
