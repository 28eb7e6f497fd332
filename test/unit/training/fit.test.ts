import { readFile } from 'node:fs/promises';
import {
  accuracy,
  Adam,
  backward,
  BatchNorm2D,
  clipGradNorm,
  cosineSchedule,
  crossEntropyWithLogitsLoss,
  DataLoader,
  Dropout,
  EarlyStopping,
  type EpochResult,
  evaluate,
  fit,
  Flatten2D,
  LearningRateScheduler,
  Linear,
  loadCheckpoint,
  ReLU,
  RMSprop,
  saveCheckpoint,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { generator } from './train-and-resume.js';

const optimizers = {
  sgd: () => new Sgd({ momentum: { nesterov: 0.9 }, weightDecay: 1e-3 }),
  adam: () => new Adam({ weightDecay: { decoupled: 1e-2 } }),
  rmsprop: () => new RMSprop({ momentum: 0.5, centered: true }),
};

const [count, epochs] = [34, 5] as const;
const features = values(seeded(9), count * 18);
const labels = Uint8Array.from({ length: count }, (_, i) => i % 3);
const schedule = cosineSchedule({ lr: 0.05, steps: 25, warmup: 4 });

function makeRun(name: keyof typeof optimizers, seed: number) {
  const weights = seeded(seed);
  const [dropped, shuffled] = [generator(seed + 2), generator(seed + 1)];
  const model = new Sequential(
    new BatchNorm2D(2),
    new Flatten2D(),
    new Linear(18, 7, { rng: weights }),
    new ReLU(),
    new Dropout(0.2, { rng: dropped.rng }),
    new Linear(7, 3, { rng: weights }),
  );
  const optimizer = optimizers[name]();
  const dataset = { features, shape: [2, 3, 3], labels } as const;
  // The last batch has two samples.
  const loader = new DataLoader(dataset, { batchSize: 8, shuffle: true, rng: shuffled.rng });
  const validation = new DataLoader(dataset, { batchSize: 15 });
  const stopping = new EarlyStopping({ patience: 3 });
  const generators = { shuffle: shuffled.state, dropout: dropped.state };
  return { model, optimizer, loader, validation, stopping, generators };
}
type Run = ReturnType<typeof makeRun>;

/** The loop written by hand. Stops after `limit` steps; saves after each epoch if there is a `path`. */
async function train(run: Run, limit = Infinity, path?: string, until: number = epochs): Promise<number[]> {
  const { model, optimizer, loader, validation, stopping, generators } = run;
  const scheduler = new LearningRateScheduler(optimizer, schedule);
  const progress = { epoch: 0 };
  const training = { model, optimizer, generators, parts: { scheduler, stopping }, progress };
  const losses: number[] = [];
  if (path !== undefined) await loadCheckpoint(path, training).catch(() => undefined);
  while (progress.epoch < until && !stopping.stopped) {
    for (using batch of loader) {
      if (losses.length === limit) return losses;
      const loss = crossEntropyWithLogitsLoss(model.forwardMut(batch.x.trace()), batch.labels);
      const gradients = backward(loss);
      clipGradNorm(model, gradients, 1);
      optimizer.update(model, gradients);
      scheduler.next();
      losses.push(loss.item());
    }
    let sum = 0;
    for (using batch of validation) {
      sum += batch.size * crossEntropyWithLogitsLoss(model.forward(batch.x), batch.labels).item();
    }
    progress.epoch++;
    stopping.update(sum / count);
    if (path !== undefined) await saveCheckpoint(path, training);
  }
  return losses;
}

const common = { loss: crossEntropyWithLogitsLoss, schedule, maxNorm: 1, metrics: { accuracy } };

function fitRun(run: Run, path: string, until: number = epochs) {
  const { model, optimizer, loader, validation, stopping, generators } = run;
  const checkpoint = { path, generators };
  const data = { data: loader, validation };
  return fit(model, { ...common, ...data, optimizer, epochs: until, earlyStopping: stopping, checkpoint });
}

const bitsOf = ({ model }: Run) =>
  model.parameters().map(([name, tensor]) => [name, ...new Uint32Array(tensor.clone().data.buffer)]);

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(Error);
  return error as Error & { code?: string };
}

describe('fit', () => {
  const path = temporaryDirectory();

  for (const name of ['sgd', 'adam', 'rmsprop'] as const) {
    it(`is bit-identical to the loop written by hand, in one piece and resumed, with ${name}`, async () => {
      const [byHand, whole] = [makeRun(name, 1), makeRun(name, 1)];
      await train(byHand, Infinity, path(`${name}-by-hand.npz`));
      const history = await fitRun(whole, path(`${name}-whole.npz`));
      expect(history.length).to.equal(epochs);
      expect(bitsOf(whole)).to.deep.equal(bitsOf(byHand));
      // The files hold the state of the optimizer, the scheduler, early stopping and the generators, too.
      const expected = await readFile(path(`${name}-by-hand.npz`));
      expect((await readFile(path(`${name}-whole.npz`))).equals(expected)).to.equal(true);

      await fitRun(makeRun(name, 1), path(`${name}-resumed.npz`), 2);
      const resumed = makeRun(name, 5);
      const rest = await fitRun(resumed, path(`${name}-resumed.npz`));
      expect(rest).to.deep.equal(history.slice(2));
      expect((await readFile(path(`${name}-resumed.npz`))).equals(expected)).to.equal(true);

      // Each continues what the other began.
      await fitRun(makeRun(name, 1), path(`${name}-mixed.npz`), 3);
      await train(makeRun(name, 6), Infinity, path(`${name}-mixed.npz`), 4);
      await fitRun(makeRun(name, 7), path(`${name}-mixed.npz`));
      expect((await readFile(path(`${name}-mixed.npz`))).equals(expected)).to.equal(true);
      expect(await fitRun(makeRun(name, 8), path(`${name}-mixed.npz`))).to.deep.equal([]);
    });
  }

  it('returns the means over the samples, of the batches before their steps and of validation after them', async () => {
    const [byHand, run] = [makeRun('adam', 2), makeRun('adam', 2)];
    const losses = await train(byHand, 5);
    const { model, optimizer, loader, validation } = run;
    const steps: { step: number; loss: number; lr: number | undefined }[] = [];
    const [result] = await fit(model, {
      ...common,
      ...{ data: loader, validation, optimizer, epochs: 1 },
      onBatch: ({ epoch, step, scores, lr, norm }) => {
        expect(epoch).to.equal(1);
        expect(norm).to.be.greaterThan(0);
        steps.push({ step, loss: scores.loss, lr });
      },
    });
    const expected = losses.map((loss, i) => ({ step: i + 1, loss, lr: schedule(i) }));
    expect(steps).to.deep.equal(expected);
    const sum = losses.reduce((total, loss, i) => total + loss * (i < 4 ? 8 : 2), 0);
    expect(result.train.loss).to.be.closeTo(sum / count, 1e-12);
    expect(result.train.accuracy * count).to.be.closeTo(Math.round(result.train.accuracy * count), 1e-9);
    expect(result.validation).to.deep.equal(
      await evaluate(model, { data: validation, loss: crossEntropyWithLogitsLoss, metrics: { accuracy } }),
    );
    expect([result.epoch, result.isBest]).to.deep.equal([1, undefined]);
  });

  it('stops between two steps when its signal is aborted, and rejects with the reason', async () => {
    const [byHand, run] = [makeRun('sgd', 3), makeRun('sgd', 3)];
    await train(byHand, 7);
    const controller = new AbortController();
    const { model, optimizer, loader } = run;
    let steps = 0;
    const reason = new Error('enough');
    const fitted = fit(model, {
      ...common,
      ...{ data: loader, optimizer, epochs, signal: controller.signal },
      onBatch: () => {
        if (++steps === 7) setImmediate(() => controller.abort(reason));
      },
    });
    expect(await rejection(fitted)).to.equal(reason);
    expect(steps).to.equal(7);
    expect(bitsOf(run)).to.deep.equal(bitsOf(byHand));

    const before = bitsOf(run);
    const { lr } = optimizer;
    const again = fit(model, { ...common, data: loader, optimizer, epochs, signal: controller.signal });
    expect(await rejection(again)).to.equal(reason);
    expect(bitsOf(run)).to.deep.equal(before);
    expect(optimizer.lr).to.equal(lr);
  });

  it('lets the event loop run between steps', async () => {
    const { model, optimizer, loader } = makeRun('sgd', 4);
    let [turns, training, steps] = [0, true, 0];
    const turn = () => {
      turns++;
      if (training) setImmediate(turn);
    };
    setImmediate(turn);
    await fit(model, { ...common, data: loader, optimizer, epochs: 3, onBatch: () => steps++ });
    training = false;
    expect(steps).to.equal(15);
    expect(turns).to.be.greaterThanOrEqual(steps);
  });

  it('stops early by the loss of validation, by a metric, or by the training', async () => {
    const { model, optimizer, loader, validation } = makeRun('sgd', 5);
    const data = { data: loader, optimizer, epochs: 10 };
    const results: EpochResult[] = [];
    // No improvement reaches minDelta, so the first epoch stays the best.
    const earlyStopping = { patience: 2, minDelta: 100 };
    await fit(model, {
      ...data,
      loss: crossEntropyWithLogitsLoss,
      validation,
      earlyStopping,
      onEpoch: (result) => results.push(result),
    });
    expect(results.map(({ isBest }) => isBest)).to.deep.equal([true, false, false]);
    const stopping = new EarlyStopping({ patience: 1, mode: 'max', minDelta: 1 });
    const monitored = await fit(model, { ...common, ...data, monitor: 'accuracy', earlyStopping: stopping });
    expect(stopping.best).to.equal(monitored[0].train.accuracy);
    const watched = new EarlyStopping({ patience: 1, minDelta: 100 });
    const [{ validation: first }] = await fit(model, {
      ...common,
      ...data,
      validation,
      earlyStopping: watched,
    });
    expect(watched.best).to.equal(first?.loss);
  });

  it('saves every few epochs and after the last one', async () => {
    const { model, optimizer, loader } = makeRun('sgd', 5);
    const saved: number[] = [];
    const part = { write: () => void saved.push(epoch), read: () => Promise.resolve() };
    let epoch = 0;
    await fit(model, {
      ...common,
      ...{ data: loader, optimizer, epochs: 5 },
      checkpoint: { path: path('every.npz'), every: 2, parts: { part } },
      onEpoch: (result) => (epoch = result.epoch),
    });
    expect(saved).to.deep.equal([2, 4, 5]);
  });

  it('writes a line for each epoch', async () => {
    const { model, optimizer, loader, validation } = makeRun('sgd', 6);
    const lines: string[] = [];
    const data = { data: loader, validation, optimizer, epochs: 2 };
    await fit(model, { ...common, ...data, progress: (line) => lines.push(line) });
    expect(lines.length).to.equal(2);
    expect(lines[1]).to.match(
      /^epoch 2\/2: loss [\d.]+, accuracy [\d.]+; validation loss [\d.]+, accuracy [\d.]+; [\d.]+ s$/,
    );
  });

  it('disposes of batches, except those in an array', async () => {
    const { model, optimizer, loader } = makeRun('sgd', 7);
    const batches = [...loader];
    await fit(model, { ...common, data: batches, optimizer, epochs: 2 });
    expect(batches[0].x.data.length).to.equal(8 * 18);
    await fit(model, { ...common, data: new Set(batches), optimizer, epochs: 1 });
    expect(() => batches[0].x.data).to.throw('disposed');
  });

  it('changes nothing if the first step fails', async () => {
    const run = makeRun('sgd', 8);
    const { model, optimizer, loader } = run;
    const before = bitsOf(run);
    const { lr } = optimizer;
    const call = fit as (model: unknown, options: unknown) => Promise<unknown>;
    const given = { ...common, data: loader, optimizer, epochs };
    const messages: string[] = [];
    const wrong = [
      ...[{ metrics: { half: () => 'x' } }, { loss: () => 5 }, { data: [] }],
      { loss: () => Tensor.from([1], []) },
      { loss: (outputs: Tensor<readonly number[]>) => outputs },
    ];
    for (const options of wrong) {
      messages.push((await rejection(call(model, { ...given, ...options }))).message);
      expect(bitsOf(run)).to.deep.equal(before);
      expect(optimizer.lr).to.equal(lr);
    }
    expect(messages[0]).to.include('a function that returns a number for metrics.half but received "x"');
    expect(messages[1]).to.include('a function that returns a scalar Tensor with a tape for loss');
    expect(messages[2]).to.include('at least one batch in each epoch for data but received none');
    expect(messages[3]).to.match(/for loss but it returned a Tensor of shape \[\] without a tape$/);
    expect(messages[4]).to.match(/for loss but it returned a Tensor of shape \[8, \d+\] with a tape$/);
    const late = fit(model, {
      ...common,
      ...{ data: loader, epochs },
      optimizer: {
        lr,
        update: () => {
          throw new Error('the optimizer failed');
        },
      },
    });
    expect((await rejection(late)).message).to.equal('the optimizer failed');
    expect(bitsOf(run)).to.deep.equal(before);
    expect(optimizer.lr).to.equal(lr);
  });

  it('refuses a second call on the same model, a generator for two epochs, and wrong options by name', async () => {
    const { model, optimizer, loader } = makeRun('sgd', 9);
    const given = { ...common, data: loader, optimizer, epochs: 2 };
    const first = fit(model, given);
    expect((await rejection(fit(model, given))).code).to.equal('ERR_BATCHNORM_BUSY');
    await first;
    const once = fit(model, { ...given, data: loader.epoch() });
    expect((await rejection(once)).message).to.include('a generator ends after one epoch');

    const call = fit as (model: unknown, options: unknown) => Promise<unknown>;
    const wrong: readonly (readonly [name: string, options: object])[] = [
      ['data', { data: 5 }],
      ['data', { data: [{ labels: [1] }] }],
      ['loss', { loss: undefined }],
      ['optimizer', { optimizer: {} }],
      ['optimizer', { optimizer: { update: () => undefined } }],
      ['epochs', { epochs: 0 }],
      ['schedule', { schedule: 0.1 }],
      ['maxNorm', { maxNorm: 0 }],
      ['validation', { validation: 'x' }],
      ['metrics', { metrics: { loss: accuracy } }],
      ['metrics.top', { metrics: { top: 1 } }],
      ['monitor', { monitor: 'acuracy' }],
      ['earlyStopping', { monitor: 'accuracy' }],
      ['mode', { monitor: 'accuracy', earlyStopping: { patience: 1 } }],
      ['patience', { earlyStopping: {} }],
      ['path', { checkpoint: {} }],
      ['every', { checkpoint: { path: 'x', every: 0 } }],
      ['parts', { checkpoint: { path: 'x', parts: { stopping: new EarlyStopping({ patience: 1 }) } } }],
      ['generators.g', { checkpoint: { path: 'x', generators: { g: {} } } }],
      ['signal', { signal: {} }],
      ['onBatch', { onBatch: 1 }],
      ['onEpoch', { onEpoch: 1 }],
      ['progress', { progress: 1 }],
      ['earlystopping', { earlystopping: { patience: 1 } }],
    ];
    const before = bitsOf({ model } as Run);
    for (const [name, options] of wrong) {
      const error = await rejection(call(model, { ...given, ...options }));
      expect(error.code, error.message).to.match(/^ERR_BATCHNORM_/);
      expect(error.message).to.include(name);
    }
    expect((await rejection(call({}, given))).message).to.include('for model');
    expect(bitsOf({ model } as Run)).to.deep.equal(before);
  });
});

describe('evaluate', () => {
  it('returns the means over all samples by inference', async () => {
    const { model, loader, validation } = makeRun('sgd', 10);
    await fit(model, { ...common, data: loader, optimizer: new Sgd(), epochs: 1 });
    const all = new DataLoader({ features, shape: [2, 3, 3], labels }, { batchSize: count });
    const [{ x }] = all;
    const before = bitsOf({ model } as Run);
    const scores = await evaluate(model, {
      data: validation,
      loss: crossEntropyWithLogitsLoss,
      metrics: { accuracy, size: (outputs) => outputs.shape[0] },
    });
    const logits = model.forward(x);
    expect(scores.loss).to.be.closeTo(crossEntropyWithLogitsLoss(logits, labels).item(), 1e-6);
    expect(scores.accuracy).to.be.closeTo(accuracy(logits, labels), 1e-12);
    expect(scores.size).to.be.closeTo((15 * 15 * 2 + 4 * 4) / count, 1e-12);
    expect(bitsOf({ model } as Run)).to.deep.equal(before);
    expect(Object.keys(await evaluate(model, { data: validation, metrics: { accuracy } }))).to.deep.equal([
      'accuracy',
    ]);
  });

  it('stops between batches, and refuses wrong options by name', async () => {
    const { model, validation } = makeRun('sgd', 11);
    const controller = new AbortController();
    let batches = 0;
    const stopped = evaluate(model, {
      ...{ data: validation, signal: controller.signal },
      metrics: {
        count: () => {
          controller.abort(new Error('enough'));
          return ++batches;
        },
      },
    });
    expect((await rejection(stopped)).message).to.equal('enough');
    expect(batches).to.equal(1);
    const call = evaluate as (model: unknown, options: unknown) => Promise<unknown>;
    const given = { data: validation, metrics: { accuracy } };
    for (const [name, options] of [
      ['loss or metrics', { metrics: undefined }],
      ['data', { data: new Float32Array(3) }],
      ['data', { data: [] }],
      ['loss', { loss: 1 }],
      ['metrics', { metrics: accuracy }],
      ['signal', { signal: 1 }],
      ['metric', { metric: accuracy }],
    ] as const) {
      const error = await rejection(call(model, { ...given, ...options }));
      expect(error.code, error.message).to.match(/^ERR_BATCHNORM_/);
      expect(error.message).to.include(name);
    }
    expect((await rejection(call({}, given))).message).to.include('for model');
  });
});
