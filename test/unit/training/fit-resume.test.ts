import { existsSync } from 'node:fs';
import {
  accuracy,
  Adam,
  BatchNorm1D,
  batchSamples,
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  Dropout,
  type EpochResult,
  FileFormatError,
  fit,
  Linear,
  randomGenerator,
  ReLU,
  Sequential,
  type StepResult,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectRejection } from '../../support/errors.js';
import { values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const [count, epochs] = [26, 3] as const;
const features = values(randomGenerator(9), count * 4);
const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);

/** With a generator for everything, or one for dropout and one for the order. */
function makeRun(seed: number, isShared: boolean) {
  const rng = randomGenerator(seed);
  const order = isShared ? rng : randomGenerator(seed + 1);
  const model = new Sequential(
    new Linear(4, 6, { rng }),
    new BatchNorm1D(6),
    new ReLU(),
    new Dropout(0.3, { rng }),
    new Linear(6, 3, { rng }),
  );
  const generators = isShared ? { rng } : { rng, order };
  return { model, optimizer: new Adam(), order, generators };
}
type Run = ReturnType<typeof makeRun>;

/** Data of each kind that fit accepts; 7 batches. */
const data = {
  loader: ({ order: rng }: Run) =>
    new DataLoader({ features, shape: [4], labels }, { batchSize: 4, shuffle: true, rng }),
  stream: ({ order: rng }: Run) => ({
    async *[Symbol.asyncIterator]() {
      const samples = Array.from(labels, (label, i) => ({
        features: features.subarray(4 * i, 4 * i + 4),
        label,
      }));
      // Numbers for each batch, as augmentation draws them.
      for await (const batch of batchSamples(samples, { shape: [4], batchSize: 4, shuffle: true, rng })) {
        batch.x.data[0] += rng();
        yield batch;
      }
    },
  }),
  array: () =>
    [...new DataLoader({ features, shape: [4], labels }, { batchSize: 4 })].map((batch) => ({
      x: Tensor.from(batch.x.data, batch.x.shape),
      labels: batch.labels,
    })),
};

interface Outcome {
  readonly history: readonly EpochResult<'accuracy'>[];
  readonly steps: readonly StepResult<'accuracy'>[];
}

/** Trains until the end, or until `stop` steps were made. */
async function train(
  run: Run,
  kind: keyof typeof data,
  path: string,
  options: { readonly everySteps?: number; readonly stop?: number; readonly failsAfterEpoch?: boolean } = {},
): Promise<Outcome> {
  const { model, optimizer, generators } = run;
  const steps: StepResult<'accuracy'>[] = [];
  const { everySteps, stop, failsAfterEpoch } = options;
  const controller = new AbortController();
  const history = await fit(model, {
    data: data[kind](run) as DataLoader<readonly [4], number, false, Uint8Array>,
    loss: crossEntropyWithLogitsLoss,
    optimizer,
    epochs,
    schedule: cosineSchedule({ lr: 0.05, steps: 21 }),
    metrics: { accuracy },
    earlyStopping: { patience: 10 },
    checkpoint: { path, generators, ...(everySteps === undefined ? {} : { everySteps }) },
    signal: controller.signal,
    onBatch(step) {
      steps.push(step);
      if (steps.length === stop) controller.abort(new Error('interrupted'));
    },
    onEpoch() {
      if (failsAfterEpoch === true) throw new Error('interrupted');
    },
  }).catch((error: unknown) => {
    if ((error as Error).message !== 'interrupted') throw error;
    return [];
  });
  return { history, steps };
}

const bitsOf = ({ model, generators }: Run) => [
  ...model.parameters().map(([name, tensor]) => [name, ...new Uint32Array(tensor.clone().data.buffer)]),
  ...Object.values(generators).map((generator) => generator.getState()),
];

describe('fit with checkpoints within epochs', () => {
  const path = temporaryDirectory();

  for (const kind of ['loader', 'stream', 'array'] as const) {
    it(`resumes bit for bit in the middle of an epoch, with data from a ${kind}`, async () => {
      for (const isShared of [true, false]) {
        const whole = makeRun(1, isShared);
        const expected = await train(whole, kind, path(`${kind}-${isShared}-whole.npz`));
        expect(expected.steps.length).to.equal(7 * epochs);
        // Also directly before and after the end of an epoch.
        for (const stop of [3, 6, 7, 8, 10]) {
          const file = path(`${kind}-${isShared}-${stop}.npz`);
          await train(makeRun(1, isShared), kind, file, { everySteps: 1, stop });
          const resumed = makeRun(50, isShared);
          const { history, steps } = await train(resumed, kind, file, { everySteps: 5 });
          expect(bitsOf(resumed), String(stop)).to.deep.equal(bitsOf(whole));
          expect(steps).to.deep.equal(expected.steps.slice(stop));
          // The scores of the interrupted epoch include its steps before the interruption.
          expect(history).to.deep.equal(expected.history.slice(Math.floor(stop / 7)));
        }
      }
    });
  }

  it('resumes after the last step of an epoch whose end was not reached', async () => {
    for (const kind of ['loader', 'stream', 'array'] as const) {
      const whole = makeRun(1, true);
      const expected = await train(whole, kind, path(`end-${kind}-whole.npz`));
      const file = path(`end-${kind}.npz`);
      await train(makeRun(1, true), kind, file, { everySteps: 7, failsAfterEpoch: true });
      const resumed = makeRun(50, true);
      const { history, steps } = await train(resumed, kind, file);
      expect(bitsOf(resumed)).to.deep.equal(bitsOf(whole));
      expect(steps).to.deep.equal(expected.steps.slice(7));
      expect(history).to.deep.equal(expected.history);
    }
  });

  it('resumes from any step and any interval', async () => {
    const whole = makeRun(1, true);
    await train(whole, 'loader', path('property-whole.npz'));
    let index = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 9 }),
        async (stop, everySteps) => {
          const file = path(`property-${index++}.npz`);
          await train(makeRun(1, true), 'loader', file, { everySteps, stop });
          const resumed = makeRun(1, true);
          if (!existsSync(file)) return;
          await train(resumed, 'loader', file);
          expect(bitsOf(resumed)).to.deep.equal(bitsOf(whole));
        },
      ),
      { numRuns: 12 },
    );
  });

  it('refuses data with fewer batches than before, and other generators or metrics, and changes nothing', async () => {
    const file = path('misuse.npz');
    await train(makeRun(1, true), 'loader', file, { everySteps: 6, stop: 6 });
    const resume = async (changes: object): Promise<void> => {
      const run = makeRun(1, true);
      const { model, optimizer, generators } = run;
      await fit(model, {
        data: data.loader(run),
        loss: crossEntropyWithLogitsLoss,
        optimizer,
        epochs,
        schedule: cosineSchedule({ lr: 0.05, steps: 21 }),
        metrics: { accuracy },
        earlyStopping: { patience: 10 },
        checkpoint: { path: file, generators },
        ...changes,
      });
    };
    const short = data.array().slice(0, 5);
    await expectRejection(resume({ data: short }), RangeError, 'at least 6 batches', '5');
    const small = new DataLoader(
      { features: features.subarray(0, 20), shape: [4], labels: labels.subarray(0, 5) },
      { batchSize: 4 },
    );
    await expectRejection(resume({ data: small }), RangeError, 'at least 6 batches', '2');
    const other = { path: file, generators: { other: randomGenerator(1) } };
    await expectRejection(resume({ checkpoint: other }), FileFormatError, 'checkpoint.generator.other');
    const metrics = { other: accuracy };
    await expectRejection(resume({ metrics }), FileFormatError, 'checkpoint.part.position.sum.other.npy');
    for (const everySteps of [0, 1.5, -1, NaN]) {
      const checkpoint = { path: file, everySteps };
      await expectRejection(resume({ checkpoint }), RangeError, 'for everySteps', String(everySteps));
    }
    await expectRejection(
      resume({ checkpoint: { path: file, everySteps: '2' } }),
      TypeError,
      'for everySteps',
    );
  });
});
