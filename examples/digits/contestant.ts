import { LearningRateScheduler, type Resumable, type NpzReader, type NpzWriter } from 'batchnorm';
import { type Brightness, brightnessOf, type Digits } from './dataset.js';
import { type Classifier, makeClassifier } from './model.js';
import { predict } from './predict.js';
import { randomStream } from './random.js';
import { Ranks } from './ranks.js';
import { Series } from './series.js';
import { newOptimizer, newSchedule, TrainingRun, trainingLoader, trainStep } from './train.js';

export const LEARNING_RATES = [0.01, 0.03, 0.1, 0.3] as const;
/** Number of steps of the short training for each learning rate. */
export const TRIAL_STEPS = 200;

export interface ContestantOptions {
  readonly digits: Digits;
  readonly epochs: number;
  readonly seed: number;
  /** Default: this process alone. */
  readonly ranks?: Ranks;
}

/** One of the two networks: the learning rates tried, and its training with the best of them. */
export class Contestant implements Resumable {
  readonly name: string;
  readonly run: TrainingRun;
  /** [learning rate, validation accuracy, validation loss] of each short training. */
  readonly trials = new Series(3);
  /** [steps done, loss, accuracy] on the validation images, after each epoch. */
  readonly validation = new Series(3);
  readonly brightness: Brightness;
  readonly #newNetwork: () => Classifier;
  readonly #options: ContestantOptions;

  constructor(withBatchNorm: boolean, options: ContestantOptions) {
    this.name = withBatchNorm ? 'with batch norm' : 'without batch norm';
    this.#options = options;
    this.#newNetwork = () => makeClassifier(withBatchNorm, randomStream(options.seed, 'weights'));
    const images = options.digits.training;
    this.brightness = brightnessOf(images);
    this.run = new TrainingRun(this.#newNetwork(), {
      ...options,
      images,
      brightness: this.brightness,
    });
  }

  get network(): Classifier {
    return this.run.network;
  }

  /**
   * The learning rate with the lowest validation loss, which unlike accuracy distinguishes networks that have hardly
   * learned; the lower rate if two are equal or diverged; NaN if none has been tried.
   */
  get learningRate(): number {
    const lossOf = ([, , loss]: readonly number[]) => (Number.isNaN(loss) ? Infinity : loss);
    const [first = [NaN]] = this.trials.rows;
    return this.trials.rows.reduce((best, row) => (lossOf(row) < lossOf(best) ? row : best), first)[0];
  }

  /** Whether all learning rates have been tried. */
  get tried(): boolean {
    return this.trials.rows.length === LEARNING_RATES.length;
  }

  /**
   * Tries the next learning rate. All trials, also those of the other network, begin with the same weights and use the
   * same batches.
   * @throws the signal's reason if it is aborted, without changes.
   */
  async tryNext(signal: AbortSignal): Promise<void> {
    const learningRate = LEARNING_RATES[this.trials.rows.length];
    const { seed, digits } = this.#options;
    const network = this.#newNetwork();
    const loader = trainingLoader(digits.training, this.brightness, randomStream(seed, 'batches'));
    const steps = Math.min(TRIAL_STEPS, this.run.steps);
    const sgd = newOptimizer();
    const scheduler = new LearningRateScheduler(sgd, newSchedule(learningRate, steps));
    const ranks = this.#options.ranks ?? new Ranks();
    const trainer = await ranks.trainer(network, sgd, loader);
    while (scheduler.step < steps) {
      for (using batch of trainer.epoch(0)) {
        trainStep(network, sgd, batch, trainer);
        scheduler.next();
        await ranks.pause(signal);
        if (scheduler.step === steps) break;
      }
    }
    const { accuracy, loss } = predict(network, digits.validation, this.brightness);
    this.trials.add(learningRate, accuracy, loss);
  }

  /** Evaluates the network on the validation images. */
  validate(): void {
    const { loss, accuracy } = predict(this.network, this.#options.digits.validation, this.brightness);
    this.validation.add(this.run.stepsDone, loss, accuracy);
  }

  write(zip: NpzWriter, prefix: string): void {
    this.run.write(zip, `${prefix}run.`);
    this.trials.write(zip, `${prefix}trials.`);
    this.validation.write(zip, `${prefix}validation.`);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    await this.run.read(zip, `${prefix}run.`);
    await this.trials.read(zip, `${prefix}trials.`);
    await this.validation.read(zip, `${prefix}validation.`);
  }
}
