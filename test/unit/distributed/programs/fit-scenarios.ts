import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  accuracy,
  Adam,
  BatchNorm1D,
  BatchNorm2D,
  clipGradNorm,
  Conv2D,
  crossEntropyWithLogitsLoss,
  DataLoader,
  Dropout,
  EarlyStopping,
  evaluate,
  fit,
  Flatten2D,
  Linear,
  loadCheckpoint,
  recalibrate,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { DataParallel, type Group } from 'batchnorm/distributed';
import { seeded, values } from '../../../support/random.js';
import { generator } from '../../training/train-and-resume.js';
import { hashOf } from './scenarios.js';

// A small network that is trained with its batches divided among ranks, or by one process.

/** 25 samples in batches of 8: the last batch has one sample, so that all ranks but the first have none. */
const samples = 25;
const features = values(seeded(5), samples * 2 * 36, 1, 0.3);
const labels = Uint8Array.from({ length: samples }, (_, i) => i % 3);
const dataset = { features, shape: [2, 6, 6], labels } as const;

export function makeNetwork(seed: number, dropout = 0) {
  const rng = seeded(seed);
  const dropped = generator(seed + 1);
  const model = new Sequential(
    new Conv2D(2, 4, 3, { padding: 1, rng }),
    new BatchNorm2D(4),
    new ReLU(),
    new Residual(
      new Sequential(
        new Conv2D(4, 4, 3, { padding: 1, rng }),
        new BatchNorm2D(4, { momentum: 'cumulative' }),
      ),
    ),
    new ReLU(),
    new Flatten2D(),
    new Dropout(dropout, { rng: dropped.rng }),
    new Linear(144, 5, { rng }),
    new ReLU(),
    new Linear(5, 3, { rng }),
  );
  return { model, dropped };
}

function makeLoader(seed: number) {
  const shuffled = generator(seed);
  const loader = new DataLoader(dataset, { batchSize: 8, shuffle: true, rng: shuffled.rng });
  return { loader, shuffled };
}

const stateOf = (model: { parameters(): readonly (readonly [string, Tensor<readonly number[]>])[] }) =>
  model.parameters().map(([name, tensor]) => [name, [...tensor.data]] as const);

const epochs = 4;

/** The options of `fit`, apart from the data. */
function settingsOf() {
  return {
    loss: crossEntropyWithLogitsLoss,
    epochs,
    maxNorm: 0.8,
    metrics: { accuracy },
    earlyStopping: new EarlyStopping({ patience: 3 }),
  } as const;
}

/** Trains on all ranks; only rank 0 starts from the weights and the order that one process would have. */
export async function trainWithFit(group: Group) {
  const { model } = makeNetwork(group.rank + 1);
  const optimizer = new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 } });
  const parallel = await DataParallel.create(model, group, { optimizer });
  const loader = parallel.shard(makeLoader(group.rank).loader);
  const validation = parallel.shard(new DataLoader(dataset, { batchSize: 10 }));
  const steps: unknown[] = [];
  const lines: string[] = [];
  const history = await fit(model, {
    ...settingsOf(),
    data: loader,
    optimizer,
    validation,
    parallel,
    progress: (line) => lines.push(line),
    onBatch: ({ scores, norm }) => void steps.push({ scores, norm }),
  });
  const { loss } = await evaluate(model, { data: validation, loss: crossEntropyWithLogitsLoss, parallel });
  return { history, steps, lines: lines.length, loss, state: stateOf(model) };
}

/** The same by one process with the whole batches. */
export async function trainAlone() {
  const { model } = makeNetwork(1);
  const optimizer = new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 } });
  const validation = new DataLoader(dataset, { batchSize: 10 });
  const steps: unknown[] = [];
  const history = await fit(model, {
    ...settingsOf(),
    data: makeLoader(0).loader,
    optimizer,
    validation,
    onBatch: ({ scores, norm }) => void steps.push({ scores, norm }),
  });
  return { history, steps, state: stateOf(model) };
}

/** A run with so large a learning rate that it stops early. */
export async function stopEarly(group?: Group) {
  const { model } = makeNetwork(1);
  const optimizer = new Sgd({ lr: 0.5 });
  const parallel = group === undefined ? undefined : await DataParallel.create(model, group, { optimizer });
  const loader = new DataLoader(dataset, { batchSize: 8 });
  const validation = new DataLoader(dataset, { batchSize: 10 });
  const history = await fit(model, {
    loss: crossEntropyWithLogitsLoss,
    epochs: 12,
    earlyStopping: new EarlyStopping({ patience: 2 }),
    data: parallel?.shard(loader) ?? loader,
    validation: parallel?.shard(validation) ?? validation,
    optimizer,
    ...(parallel === undefined ? {} : { parallel }),
  });
  return { history, state: stateOf(model) };
}

/** The loop of `fit` written by hand, which must give the same bits. */
async function trainByHand(group: Group) {
  const { model } = makeNetwork(group.rank + 1);
  const optimizer = new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 } });
  const parallel = await DataParallel.create(model, group, { optimizer });
  const loader = parallel.shard(makeLoader(group.rank).loader);
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { x, labels: targets, size } of loader) {
      const logits = model.forwardMut(x.trace({ gradient: false }));
      // A loss of an empty batch would be an error of the loss; its layers must run all the same.
      const loss = size === 0 ? logits.sum() : crossEntropyWithLogitsLoss(logits, targets);
      const gradients = parallel.backward(loss, size);
      clipGradNorm(model, gradients, 0.8);
      optimizer.update(model, gradients);
      losses.push(parallel.mean({ loss: loss.item() }, size).loss);
    }
  }
  return { losses, state: stateOf(model) };
}

/** A run with a dropout that differs between ranks, interrupted after two of its epochs or not at all. */
async function resume(group: Group) {
  return withFolder(group, async (folder) => {
    const run = (path: string, until: number) => trainWithCheckpoint(group, { path, until });
    const whole = await run(join(folder, 'whole.npz'), 4);
    await run(join(folder, 'parts.npz'), 2);
    const parts = await run(join(folder, 'parts.npz'), 4);
    const alone = group.rank === 0 ? await loadAlone(join(folder, 'parts.npz')) : '';
    return { whole, parts, alone };
  });
}

/** Steps after which a run is interrupted: within an epoch of 4 steps, at its end, and in the next one. */
const interruptions = [2, 4, 7];

/** A run that saves after each step and is interrupted by a signal on one of its ranks, which then continues. */
async function resumeWithin(group: Group) {
  return withFolder(group, async (folder) => {
    const whole = await trainWithCheckpoint(group, { path: join(folder, 'whole.npz'), until: 3 });
    const parts = [];
    const messages: string[] = [];
    for (const stop of interruptions) {
      const path = join(folder, `${stop}.npz`);
      const interrupted = { path, until: 3, everySteps: 1, stop, stopped: stop % group.size };
      messages.push(await messageOf(() => trainWithCheckpoint(group, interrupted)));
      const { history, ...end } = await trainWithCheckpoint(group, { path, until: 3 });
      parts.push({ ...end, history, expected: whole.history.slice(Math.ceil(stop / 4) - 1) });
    }
    const differing = { path: join(folder, 'differing.npz'), until: 1, everySteps: 2 + group.rank };
    const difference = await messageOf(() => trainWithCheckpoint(group, differing));
    return { whole, parts, messages, difference };
  });
}

/** A folder of rank 0. The other ranks name one that does not exist: they receive the files of rank 0. */
async function withFolder<R>(group: Group, act: (folder: string) => Promise<R>): Promise<R> {
  const folder = group.rank === 0 ? await mkdtemp(join(tmpdir(), 'batchnorm-test-')) : '/nowhere';
  const result = await act(folder);
  group.barrier();
  if (group.rank === 0) await rm(folder, { recursive: true });
  return result;
}

interface CheckpointedRun {
  readonly path: string;
  /** Epochs. */
  readonly until: number;
  readonly everySteps?: number;
  /** The step after which a signal stops the rank `stopped`. */
  readonly stop?: number;
  readonly stopped?: number;
}

async function trainWithCheckpoint(group: Group, settings: CheckpointedRun) {
  const { path, until, everySteps, stop, stopped } = settings;
  const { model, dropped } = makeNetwork(group.rank + 1, 0.3);
  const optimizer = new Adam({ lr: 0.02 });
  const parallel = await DataParallel.create(model, group, { optimizer });
  const { loader, shuffled } = makeLoader(3);
  const controller = new AbortController();
  let step = 0;
  const history = await fit(model, {
    data: parallel.shard(loader),
    loss: crossEntropyWithLogitsLoss,
    optimizer,
    epochs: until,
    checkpoint: {
      path,
      generators: { dropout: dropped.state, shuffle: shuffled.state },
      ...(everySteps === undefined ? {} : { everySteps }),
    },
    signal: controller.signal,
    onBatch() {
      if (++step === stop && group.rank === stopped) controller.abort(new Error('interrupted'));
    },
    parallel,
  });
  return {
    hash: hashOf(Float32Array.from(stateOf(model).flatMap(([, data]) => data))),
    dropout: dropped.state.getState(),
    order: shuffled.state.getState(),
    history,
  };
}

/** The error of a single process that loads the checkpoint of a group. */
async function loadAlone(path: string): Promise<string> {
  const { model, dropped } = makeNetwork(1, 0.3);
  const { shuffled } = makeLoader(3);
  try {
    await loadCheckpoint(path, {
      model,
      optimizer: new Adam({ lr: 0.02 }),
      generators: { dropout: dropped.state, shuffle: shuffled.state },
      progress: { epoch: 0 },
    });
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
}

async function messageOf(act: () => unknown): Promise<string> {
  try {
    await act();
    return 'no error';
  } catch (error) {
    return `${(error as { code?: string }).code ?? ''}: ${(error as Error).message}`;
  }
}

/** Differences between ranks, after each of which the group still works. */
async function differences(group: Group) {
  const { rank } = group;
  const messages: string[] = [];
  messages.push(await messageOf(() => DataParallel.create(new Linear(2, 3 + rank), group)));
  messages.push(
    await messageOf(() => DataParallel.create(rank === 0 ? new Linear(2, 3) : new BatchNorm1D(2), group)),
  );
  messages.push(
    await messageOf(() =>
      DataParallel.create(new Linear(2, 3), group, { optimizer: rank === 0 ? new Sgd() : new Adam() }),
    ),
  );
  messages.push(
    await messageOf(() =>
      DataParallel.create(new Linear(2, 3), group, {
        optimizer: new Sgd({ weightDecay: 0.1 * (rank + 1) }),
      }),
    ),
  );
  const model = new Linear(2, 3);
  const parallel = await DataParallel.create(model, group);
  const array = new Float32Array(2 * (4 + rank));
  messages.push(
    await messageOf(() => parallel.shard(new DataLoader({ features: array, shape: [2] }, { batchSize: 2 }))),
  );
  const batches = Array.from({ length: 2 + rank }, () => ({ x: Tensor.ones([2, 2]), labels: undefined }));
  const options = {
    loss: (y: Tensor<readonly [2, 3], OwnedTape>) => y.mean(),
    optimizer: new Sgd(),
    epochs: 1,
    parallel,
  };
  messages.push(await messageOf(() => fit(model, { ...options, data: batches as never } as never)));
  const stop = new AbortController();
  if (rank === 1) stop.abort(new Error('stopped by a user'));
  messages.push(
    await messageOf(() => fit(model, { ...options, data: batches, signal: stop.signal } as never)),
  );
  messages.push(
    await messageOf(() => parallel.backward(model.forward(Tensor.ones([1, 2]).trace()).sum(), 0)),
  );
  const bn = new BatchNorm2D(3);
  await DataParallel.create(bn, group);
  for (const count of [0, rank === 0 ? 1 : 0]) {
    messages.push(await messageOf(() => bn.forwardMut(Tensor.ones([count, 3, 1, 1]).trace())));
  }
  messages.push(
    await messageOf(() => parallel.saveCheckpoint(rank === 0 ? '/nowhere/a.npz' : 'a.npz', { model })),
  );
  messages.push(await messageOf(() => parallel.loadCheckpoint('/nowhere/a.npz', { model })));
  const whole = new DataLoader({ features: new Float32Array(8), shape: [2] }, { batchSize: 2 });
  const run = { ...options, data: parallel.shard(whole) };
  for (const wrong of [{ data: whole }, { validation: whole }]) {
    messages.push(await messageOf(() => fit(model, { ...run, ...wrong } as never)));
  }
  messages.push(
    await messageOf(() => evaluate(model, { loss: options.loss, data: whole, parallel } as never)),
  );
  const loader = new DataLoader({ features: new Float32Array(24), shape: [2] }, { batchSize: 6 });
  const own = { ...options, data: parallel.shard(loader) };
  for (const different of [
    { maxNorm: 1 + rank },
    { optimizer: new Sgd({ lr: 0.1 * (1 + rank) }) },
    { schedule: (step: number) => (step === 0 ? 0.1 : 0.1 * (1 + rank)) },
    { earlyStopping: new EarlyStopping({ patience: 1 + rank }) },
  ]) {
    messages.push(
      await messageOf(() => fit(model, { ...own, optimizer: new Sgd({ lr: 0.1 }), ...different } as never)),
    );
  }
  messages.push(await messageOf(() => parallel.mean<string>(rank === 0 ? { loss: 1 } : { accuracy: 1 }, 1)));
  const { TMPDIR: folder } = process.env;
  if (rank === 1) process.env.TMPDIR = '/nowhere';
  messages.push(await messageOf(() => DataParallel.create(new Linear(2, 3), group)));
  if (folder === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = folder;
  return {
    messages,
    running: [...bn.runningMean.data, ...bn.runningVar.data],
    rest: group.sum(Float32Array.of(rank))[0],
  };
}

/** Statistics that are recomputed from batches of all ranks, where some ranks have nothing in the last one. */
export async function recalibrated(group?: Group) {
  const { model } = makeNetwork(1);
  const loader = new DataLoader(dataset, { batchSize: 8 });
  const parallel = group === undefined ? undefined : await DataParallel.create(model, group);
  const inputs = Array.from(parallel?.shard(loader) ?? loader, ({ x }) => x);
  const count = await recalibrate(model, inputs);
  return { count, state: stateOf(model) };
}

/** Training with a batch norm whose statistics are frozen beside one that is synchronized. */
export async function trainFrozen(group?: Group) {
  const { model } = makeNetwork(1);
  model.freeze('1.');
  const optimizer = new Sgd({ lr: 0.1 });
  const parallel = group === undefined ? undefined : await DataParallel.create(model, group, { optimizer });
  const loader = new DataLoader(dataset, { batchSize: 8 });
  await fit(model, {
    data: parallel?.shard(loader) ?? loader,
    loss: crossEntropyWithLogitsLoss,
    optimizer,
    epochs: 2,
    ...(parallel === undefined ? {} : { parallel }),
  });
  return { state: stateOf(model) };
}

export const fitScenarios: Readonly<Record<string, (group: Group) => unknown>> = {
  fit: trainWithFit,
  byHand: trainByHand,
  resume,
  resumeWithin,
  differences,
  recalibrated,
  frozen: trainFrozen,
  stopEarly,
};
