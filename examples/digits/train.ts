import {
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  type NpzReader,
  type NpzWriter,
  type RandomSource,
  type Resumable,
  type Schedule,
  Sgd,
} from 'batchnorm';
import { type Brightness, datasetOf, type Images } from './dataset.js';
import type { Classifier } from './model.js';
import { countEqual, mostLikely } from './predict.js';
import { RandomStream } from './random.js';
import { type Part, Ranks, type Trainer } from './ranks.js';
import { Series } from './series.js';
import { normsOf, statisticsOf } from './statistics.js';

const BATCH_SIZE = 64;
const MOMENTUM = 0.9;
/** Weight decay, the same for both networks. */
const L2 = 5e-4;
/** Fraction of the steps in which the learning rate rises. */
const WARMUP_PART = 0.05;
const RECORDS_PER_EPOCH = 20;

export interface TrainingProgress {
  /** From 1 to `epochs`, and from 1 to `stepsPerEpoch` in each. */
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Means over the epoch so far, each batch evaluated before its step. */
  readonly loss: number;
  readonly accuracy: number;
  readonly imagesPerSecond: number;
  /** Until the end of the epoch. */
  readonly secondsLeft: number;
}

/** Sums over some steps. */
interface Sums {
  steps: number;
  loss: number;
  accuracy: number;
}
const nothing = (): Sums => ({ steps: 0, loss: 0, accuracy: 0 });

/** A loader of full batches: smaller ones have noisier statistics, and a single image might have none. */
export function trainingLoader(images: Images, brightness: Brightness, rng: RandomSource) {
  return new DataLoader(datasetOf(images, brightness), {
    batchSize: Math.min(BATCH_SIZE, images.count),
    shuffle: true,
    rng,
    dropLast: true,
  });
}

export function newOptimizer(): Sgd {
  return new Sgd({ momentum: MOMENTUM, weightDecay: L2 });
}

/** A short warm-up, then cosine decay. */
export function newSchedule(lr: number, steps: number): Schedule {
  return cosineSchedule({ lr, steps, warmup: Math.floor(steps * WARMUP_PART) });
}

/** Makes one step; returns the loss and the accuracy of the whole batch before it. */
export function trainStep(
  network: Classifier,
  sgd: Sgd,
  { x, labels }: Part,
  trainer: Trainer,
): { readonly loss: number; readonly accuracy: number } {
  const logits = network.forwardMut(x.trace({ gradient: false }));
  const loss = crossEntropyWithLogitsLoss(logits, labels);
  const accuracy = countEqual(mostLikely(logits), labels) / labels.length;
  sgd.update(network, trainer.backward(loss, labels.length));
  return trainer.mean({ loss: loss.item(), accuracy }, labels.length);
}

export interface TrainingOptions {
  readonly epochs: number;
  readonly seed: number;
  readonly images: Images;
  readonly brightness: Brightness;
  /** Default: this process alone. */
  readonly ranks?: Ranks | undefined;
}

/**
 * The state of the training of one network. Together with the network and the generator, its checkpoint resumes bit for
 * bit, even in the middle of an epoch.
 */
export class TrainingRun implements Resumable {
  /** [steps done, loss, accuracy], the latter two over the steps since the previous row, followed by the result of
   * `statisticsOf`. */
  readonly curve: Series;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly #sgd = newOptimizer();
  readonly #stream: RandomStream;
  readonly #loader;
  readonly #ranks: Ranks;
  #trainer: Trainer | undefined;
  /** The generator's state before it drew the order of the epoch. */
  #epochBegin: readonly number[];
  #step = 0;
  #milliseconds = 0;
  #epochSums = nothing();
  #recordSums = nothing();

  constructor(
    readonly network: Classifier,
    { epochs, seed, images, brightness, ranks = new Ranks() }: TrainingOptions,
  ) {
    this.#stream = new RandomStream(seed, 'batches');
    this.#epochBegin = this.#stream.getState();
    this.#loader = trainingLoader(images, brightness, this.#stream.next);
    this.#ranks = ranks;
    this.epochs = epochs;
    this.stepsPerEpoch = this.#loader.length;
    this.curve = new Series(3 + 2 * normsOf(network).length);
  }

  /** The sample order of the current or next epoch. */
  readonly generator = {
    getState: () => this.#epochBegin,
    setState: (state: readonly number[]) => {
      this.#stream.setState(state);
      this.#epochBegin = [...state];
    },
  };

  get steps(): number {
    return this.epochs * this.stepsPerEpoch;
  }

  get stepsDone(): number {
    return this.#step;
  }

  get done(): boolean {
    return this.#step === this.steps;
  }

  get imagesPerSecond(): number {
    return (this.#step * this.#loader.batchSize * 1000) / this.#milliseconds;
  }

  /**
   * Continues in place to the end of the epoch.
   * @param learningRate The peak learning rate, constant for the whole training.
   * @throws the signal's reason if it is aborted, before the next step.
   */
  async trainEpoch(
    learningRate: number,
    signal: AbortSignal,
    onStep: (progress: TrainingProgress) => void,
  ): Promise<void> {
    const schedule = newSchedule(learningRate, this.steps);
    const skip = this.#step % this.stepsPerEpoch;
    if (skip === 0) this.#epochSums = nothing();
    // Now, since a checkpoint may have changed the state that rank 0 passes to the others.
    this.#trainer ??= await this.#ranks.trainer(this.network, this.#sgd, this.#loader);
    for (using batch of this.#trainer.epoch(skip)) {
      await this.#ranks.pause(signal);
      const start = performance.now();
      this.#sgd.lr = schedule(this.#step);
      const result = trainStep(this.network, this.#sgd, batch, this.#trainer);
      this.#step++;
      for (const sums of [this.#epochSums, this.#recordSums]) {
        sums.steps++;
        sums.loss += result.loss;
        sums.accuracy += result.accuracy;
      }
      this.#record();
      this.#milliseconds += performance.now() - start;
      onStep(this.#progress());
    }
    this.#epochBegin = this.#stream.getState();
  }

  #record(): void {
    const interval = Math.max(Math.floor(this.stepsPerEpoch / RECORDS_PER_EPOCH), 1);
    if (this.#step % interval !== 0) return;
    const { steps, loss, accuracy } = this.#recordSums;
    this.curve.add(this.#step, loss / steps, accuracy / steps, ...statisticsOf(this.network));
    this.#recordSums = nothing();
  }

  #progress(): TrainingProgress {
    const { steps, loss, accuracy } = this.#epochSums;
    const { stepsPerEpoch, epochs } = this;
    const left = (stepsPerEpoch - steps) * this.#loader.batchSize;
    return {
      epoch: Math.ceil(this.#step / stepsPerEpoch),
      epochs,
      step: steps,
      stepsPerEpoch,
      loss: loss / steps,
      accuracy: accuracy / steps,
      imagesPerSecond: this.imagesPerSecond,
      secondsLeft: left / this.imagesPerSecond,
    };
  }

  write(zip: NpzWriter, prefix: string): void {
    this.#sgd.write(zip, `${prefix}optimizer.`, this.network);
    this.curve.write(zip, `${prefix}curve.`);
    zip.number(`${prefix}step.npy`, this.#step);
    const sums = [this.#epochSums, this.#recordSums].flatMap((s) => [s.steps, s.loss, s.accuracy]);
    zip.numbers(`${prefix}sums.npy`, [this.#milliseconds, ...sums]);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    await this.#sgd.read(zip, `${prefix}optimizer.`, this.network);
    await this.curve.read(zip, `${prefix}curve.`);
    const step = await zip.number(`${prefix}step.npy`, {
      expected: `a number of steps up to ${this.steps}`,
      fits: (value) => Number.isSafeInteger(value) && value >= 0 && value <= this.steps,
    });
    const [milliseconds, ...sums] = await zip.numbers(`${prefix}sums.npy`, 7);
    zip.change(() => {
      this.#step = step;
      this.#milliseconds = milliseconds;
      this.#epochSums = { steps: sums[0], loss: sums[1], accuracy: sums[2] };
      this.#recordSums = { steps: sums[3], loss: sums[4], accuracy: sums[5] };
    });
  }
}
