// Trains in one piece, or resumes from a checkpoint in a separate process. Prints every parameter and every moment as bits.
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import {
  Adam,
  backward,
  BatchNorm2D,
  clipGradNorm,
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  Dropout,
  EarlyStopping,
  Flatten2D,
  LearningRateScheduler,
  Linear,
  loadCheckpoint,
  NpzWriter,
  type RandomSource,
  ReLU,
  type ResumableGenerator,
  RMSprop,
  saveCheckpoint,
  Sequential,
  Sgd,
} from 'batchnorm';
import { seeded, values } from '../../support/random.js';

const optimizers = {
  sgd: () => new Sgd({ momentum: { nesterov: 0.9 }, weightDecay: 1e-3 }),
  adam: () => new Adam({ weightDecay: { decoupled: 1e-2 } }),
  amsgrad: () => new Adam({ amsgrad: true }),
  // Cut in two by a prefix and a pattern, with a frozen bias.
  grouped: () =>
    new Adam({
      lr: 0.05,
      groups: [
        { match: '4.bias', freeze: true },
        { match: /^0\./, weightDecay: 1e-2, betas: [0.8, 0.99] },
        { match: (name) => name.startsWith('2.'), lr: 0.01 },
      ],
    }),
  rmsprop: () => new RMSprop({ momentum: 0.5, centered: true }),
};
export type OptimizerName = keyof typeof optimizers;
export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/** A pure-rand generator as a random function whose state can be saved. */
export function generator(seed: number): { rng: RandomSource; state: ResumableGenerator } {
  let current = xoroshiro128plus(seed);
  return {
    rng: () => uniformFloat64(current),
    state: {
      getState: () => current.getState(),
      setState: (state) => {
        current = xoroshiro128plusFromState(state);
      },
    },
  };
}

export function makeRun(name: OptimizerName, seed: number) {
  const weights = seeded(seed);
  const dropped = generator(seed + 2);
  const model = new Sequential(
    new BatchNorm2D(2, { momentum: 'cumulative' }),
    new Flatten2D(),
    new Linear(18, 7, { rng: weights }),
    new Sequential(new ReLU(), new Dropout(0.2, { rng: dropped.rng })),
    new Linear(7, 3, { rng: weights }),
  );
  const optimizer = optimizers[name]();
  const scheduler = new LearningRateScheduler(optimizer, cosineSchedule({ lr: 0.05, steps: 60, warmup: 4 }));
  const stopping = new EarlyStopping({ patience: 3 });
  const { rng, state } = generator(seed + 1);
  const training = {
    model,
    optimizer,
    generators: { shuffle: state, dropout: dropped.state },
    parts: { scheduler, stopping },
    progress: { epoch: 0, lastLoss: Infinity },
  };
  const loader = new DataLoader(
    {
      features: values(seeded(9), 32 * 18),
      shape: [2, 3, 3],
      labels: Int32Array.from({ length: 32 }, (_, i) => i % 3),
    },
    { batchSize: 8, shuffle: true, rng, dropLast: true },
  );
  return { training, loader };
}

/** Epochs of four steps. */
export function train({ training, loader }: ReturnType<typeof makeRun>, epochs: number): void {
  const { model, optimizer, parts, progress } = training;
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (using batch of loader) {
      const loss = crossEntropyWithLogitsLoss(model.forwardMut(batch.x.trace()), batch.labels);
      progress.lastLoss = loss.item();
      const gradients = backward(loss);
      clipGradNorm(model, gradients, 1);
      optimizer.update(model, gradients);
      parts.scheduler.next();
    }
    parts.stopping.update(progress.lastLoss);
    progress.epoch++;
  }
}

/** The complete state, as a checkpoint would write it, to the last bit. */
export function bitsOf({ training }: ReturnType<typeof makeRun>): Record<string, string> {
  const bits: Record<string, string> = {};
  const hex = (array: Float32Array | Float64Array) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
  class Recorder extends NpzWriter {
    override tensor(...[name, tensor]: Parameters<NpzWriter['tensor']>): void {
      bits[name] = hex(tensor.clone().data);
    }
    override number(name: string, value: number): void {
      bits[name] = hex(Float64Array.of(value));
    }
    override numbers(name: string, numbers: readonly number[]): void {
      bits[name] = hex(Float64Array.from(numbers));
    }
  }
  const recorder = new Recorder();
  training.model.write(recorder, '');
  training.optimizer.write(recorder, 'optimizer.', training.model);
  training.parts.scheduler.write(recorder, 'scheduler.');
  training.parts.stopping.write(recorder, 'stopping.');
  recorder.numbers('shuffle', training.generators.shuffle.getState());
  recorder.numbers('dropout', training.generators.dropout.getState());
  recorder.numbers('progress', Object.values(training.progress));
  return bits;
}

export async function saveRun(path: string, run: ReturnType<typeof makeRun>): Promise<void> {
  await saveCheckpoint(path, run.training);
}

export async function loadRun(path: string, run: ReturnType<typeof makeRun>): Promise<void> {
  await loadCheckpoint(path, run.training);
}
