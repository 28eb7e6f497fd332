import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { backward } from '../core/backward.js';
import type { Gradients } from '../core/gradients.js';
import type { Shape, Unless } from '../core/shape.js';
import {
  graphOf,
  hasConsumedGraph,
  isTaped,
  isTensor,
  type ShapeOf,
  type Tensor,
  type Tensor0D,
} from '../core/tensor.js';
import type { OwnedTape } from '../core/tape.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { train } from '../nn/compose/part.js';
import { withStatistics } from '../nn/norm/statistics-transaction.js';
import type { Layer, ShapeProblem } from '../nn/shape-rule.js';
import { sum } from '../ops/reductions.js';
import { clipGradNorm } from '../optim/clip-grad-norm.js';
import { inspectCustom } from '../printing/inspect.js';
import { plainError } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { callSync } from '../validation/synchronous.js';
import { forEachBatch, throwIfAborted, type TrainingBatch } from './batches.js';
import { loadCheckpoint, saveCheckpoint, type Training } from './checkpoint.js';
import { computeLoss, evaluateBatches } from './evaluate.js';
import { type EpochPosition, setStates, statesOf, StoredPosition } from './epoch-position.js';
import { type EpochResult, type FitOptions, type FitSettings, readFit } from './fit-options.js';
import { type HasLearningRate, LearningRateScheduler } from './learning-rate-scheduler.js';
import { epochText } from './progress.js';
import { measure, MeanScores, type Scores } from './scores.js';
import { wrongResult } from './wrong-result.js';

/** The models that are being trained. */
const busy = new WeakSet<object>();

/**
 * Trains a model: for each batch of each epoch, computes the loss, its gradients and the optimizer's step. The result is
 * bit-identical to that of the loop written by hand. The event loop runs between steps, so timers, requests and signals are served.
 *
 * If a step throws, or the signal is aborted, the promise rejects and the model is left as after the last whole step.
 *
 * With `checkpoint`, the file has the entries of `saveCheckpoint` with the scheduler as `scheduler`, early stopping as
 * `stopping`, the number of epochs as `progress.epoch` and, within an epoch, its state so far as `position`.
 *
 * @param model A module from one tensor to one tensor, such as a `Sequential`; its `forwardMut` is called with each batch.
 * @returns The scores of the epochs that this call trained.
 * @throws TypeError or RangeError naming the wrong option; FileFormatError for a checkpoint of a different run; RangeError if
 * an epoch has no batches; errors of the model, the loss, the optimizer and your callbacks.
 *
 * @example
 * const history = await fit(model, {
 *   data: loader,
 *   loss: crossEntropyWithLogitsLoss,
 *   optimizer: new Adam(),
 *   epochs: 5,
 *   validation: validationLoader,
 *   metrics: { accuracy },
 * });
 * console.log(history.at(-1)?.validation?.accuracy);
 */
export async function fit<
  M extends Layer & CanUpdateWithGradients,
  X extends Tensor<Shape>,
  L,
  K extends string = never,
>(
  model: M & Unless<M, ShapeProblem<M, ShapeOf<X>> & string>,
  options: FitOptions<M, X, L, K>,
): Promise<readonly EpochResult<K>[]> {
  if (arguments.length > 2) requireNoSurplus('fit', 2, arguments);
  const settings = readFit(model, options);
  if (busy.has(model)) {
    throw plainError(
      'ERR_BATCHNORM_BUSY',
      'Expected one call of fit() at a time for model, but another one is training it. Await that call first',
    );
  }
  // The ranks of a group agree before each step, because they must stop together.
  if (settings.parallel === undefined) throwIfAborted(settings.signal);
  busy.add(model);
  try {
    return (await new Fit(settings).run()) as readonly EpochResult[] as readonly EpochResult<K>[];
  } finally {
    busy.delete(model);
  }
}

/** One call of `fit`. */
class Fit {
  readonly #progress = { epoch: 0 };
  readonly #history: EpochResult<string>[] = [];
  readonly #scheduler: LearningRateScheduler | undefined;
  readonly #training: Training;
  readonly #stored: StoredPosition;
  /** The learning rate to restore if nothing is trained. */
  readonly #firstRate: number | undefined;
  #hasChanged = false;

  constructor(private readonly settings: FitSettings) {
    const { model, optimizer, schedule, stopping, checkpoint, metrics, parallel } = settings;
    this.#firstRate = optimizer.lr;
    if (schedule !== undefined) {
      this.#scheduler = new LearningRateScheduler(optimizer as HasLearningRate, schedule);
    }
    const scoreNames = ['loss', ...Object.keys(metrics)];
    this.#stored = new StoredPosition(checkpoint?.generators ?? {}, scoreNames, parallel);
    this.#training = {
      model: model as Training['model'],
      optimizer: optimizer as NonNullable<Training['optimizer']>,
      generators: checkpoint?.generators ?? {},
      parts: {
        ...(this.#scheduler === undefined ? {} : { scheduler: this.#scheduler }),
        ...(stopping === undefined ? {} : { stopping }),
        position: this.#stored,
        ...checkpoint?.parts,
      },
      progress: this.#progress,
    };
  }

  async run(): Promise<readonly EpochResult<string>[]> {
    const { optimizer, epochs, stopping, checkpoint } = this.settings;
    try {
      this.#requireSameOptions();
      if (checkpoint !== undefined && (await this.#load(checkpoint.path))) this.#hasChanged = true;
      while (this.#progress.epoch < epochs && stopping?.stopped !== true) await this.#epoch();
      return this.#history;
    } catch (error) {
      if (!this.#hasChanged && this.#firstRate !== undefined && this.#scheduler !== undefined)
        optimizer.lr = this.#firstRate;
      throw error;
    } finally {
      this.settings.progress?.end();
    }
  }

  /** Compares what decides on the calls that all ranks make together, and on the bits of their models. */
  #requireSameOptions(): void {
    const { parallel, epochs, validation, checkpoint, metrics, monitor, maxNorm } = this.settings;
    const { optimizer, schedule, stopping } = this.settings;
    const yesOrNo = (isGiven: boolean) => (isGiven ? 'given' : 'not given');
    parallel?.requireSame([
      ['epochs', String(epochs)],
      ['optimizer', printed(optimizer)],
      ['schedule', yesOrNo(schedule !== undefined)],
      ['maxNorm', String(maxNorm)],
      ['metrics', Object.keys(metrics).join(', ') || 'none'],
      ['validation', yesOrNo(validation !== undefined)],
      ['earlyStopping', stopping === undefined ? 'not given' : printed(stopping)],
      ['monitor', monitor],
      ['checkpoint', yesOrNo(checkpoint !== undefined)],
      ['every of checkpoint', String(checkpoint?.every)],
      ['everySteps of checkpoint', String(checkpoint?.everySteps)],
      ['generators of checkpoint', Object.keys(checkpoint?.generators ?? {}).join(', ') || 'none'],
    ]);
  }

  /** Loads the checkpoint, if there is one. */
  async #load(path: string): Promise<boolean> {
    const { parallel } = this.settings;
    if (parallel !== undefined) return parallel.loadCheckpointIfAny(path, this.#training);
    if (!existsSync(path)) return false;
    await loadCheckpoint(path, this.#training);
    return true;
  }

  async #epoch(): Promise<void> {
    const { epochs, validation, metrics, loss, model, signal, stopping, monitor } = this.settings;
    const { checkpoint, onEpoch, progress, parallel } = this.settings;
    const started = performance.now();
    const scores = await this.#trainBatches();
    const validated =
      validation === undefined
        ? undefined
        : await evaluateBatches('validation', { model, data: validation, loss, metrics, signal, parallel });

    const epoch = ++this.#progress.epoch;
    const isBest = stopping?.update((validated ?? scores)[monitor]);
    const result = Object.freeze({ epoch, train: scores, validation: validated, isBest });
    this.#history.push(result);
    if (parallel === undefined || parallel.rank === 0) {
      progress?.epoch(epochText(result, epochs, (performance.now() - started) / 1000));
    }
    await onEpoch?.(result);
    if (checkpoint === undefined) return;
    const isLast = epoch === epochs || stopping?.stopped === true;
    if (!isLast && epoch % checkpoint.every !== 0) return;
    await this.#save(checkpoint.path);
  }

  async #save(path: string): Promise<void> {
    const { parallel } = this.settings;
    if (parallel === undefined) await saveCheckpoint(path, this.#training);
    else await parallel.saveCheckpoint(path, this.#training);
  }

  /** Saves between two steps of an epoch. */
  async #saveWithin(path: string, position: EpochPosition): Promise<void> {
    this.#stored.startsOfAllRanks = this.settings.parallel?.gatherStates(position.starts);
    this.#stored.position = position;
    try {
      await this.#save(path);
    } finally {
      this.#stored.position = undefined;
    }
  }

  async #trainBatches(): Promise<Scores<string>> {
    const { data, optimizer, signal, onBatch, checkpoint, parallel, progress, epochs } = this.settings;
    const steps = lengthOf(data);
    const { generators = {}, everySteps } = checkpoint ?? {};
    const { position } = this.#stored;
    this.#stored.position = undefined;
    const means = position?.means ?? new MeanScores();
    const starts = position?.starts ?? statesOf(generators);
    const epoch = this.#progress.epoch + 1;
    let step = position?.step ?? 0;
    const run = async (batch: TrainingBatch<Tensor<Shape>, unknown>) => {
      const samples = batch.x.shape[0];
      const { lr } = optimizer;
      const total = parallel?.nextStep(samples, signal?.aborted === true, lr) ?? samples;
      throwIfAborted(signal);
      const { scores, norm } = trainStep(this.settings, batch, total);
      this.#hasChanged = true;
      this.#scheduler?.next();
      means.add(total, scores);
      step++;
      if (parallel === undefined || parallel.rank === 0) {
        progress?.step(`epoch ${epoch}/${epochs}`, step, steps, means.means());
      }
      await onBatch?.(Object.freeze({ epoch, step, scores, lr, norm }));
      if (checkpoint !== undefined && everySteps !== undefined && step % everySteps === 0) {
        await this.#saveWithin(checkpoint.path, { step, means, starts });
      }
      await setImmediate();
    };
    if (position === undefined) {
      await forEachBatch('data', data, run);
    } else {
      const current = statesOf(generators);
      setStates(generators, starts);
      await forEachBatch('data', data, run, { skip: step, restore: () => setStates(generators, current) });
    }
    if (parallel !== undefined) {
      parallel.nextStep(undefined, signal?.aborted === true);
      throwIfAborted(signal);
    }
    return means.means();
  }
}

/** The number of batches in an epoch, if the data tells it, as a `DataLoader` and an array do. */
function lengthOf(data: object): number | undefined {
  const { length } = data as { readonly length?: unknown };
  return typeof length === 'number' && length > 0 ? length : undefined;
}

interface Step {
  readonly scores: Scores<string>;
  readonly norm: number | undefined;
}

/**
 * One step; if it throws, the running statistics are as before.
 * @param total Number of samples of all ranks.
 */
function trainStep(
  settings: FitSettings,
  { x, labels }: TrainingBatch<Tensor<Shape>, unknown>,
  total: number,
): Step {
  const { model, optimizer, maxNorm, parallel } = settings;
  return withStatistics(() => {
    const input = x.trace({ gradient: false });
    let gradients: Gradients | undefined;
    try {
      const outputs = train(model, input);
      if (!isTensor(outputs) || !isTaped(outputs)) {
        throw wrongResult('model', 'a module whose forwardMut() returns a Tensor with a tape', outputs);
      }
      const taped = outputs as Tensor<Shape, OwnedTape>;
      const samples = x.shape[0];
      const { value, measured } =
        parallel !== undefined && samples === 0 ? nothing(settings, taped) : lossOf(settings, taped, labels);
      gradients = parallel === undefined ? backward(value) : parallel.backward(value, samples, total);
      const norm = maxNorm === undefined ? undefined : clipGradNorm(model, gradients, maxNorm, { optimizer });
      const current = gradients;
      callSync('update() of optimizer', () => optimizer.update(model, current));
      const own = Object.freeze({ loss: value.item(), ...measured });
      return { scores: parallel === undefined ? own : parallel.means(own, samples).scores, norm };
    } catch (error) {
      if (!hasConsumedGraph(input)) graphOf(input)?.consume(new Set());
      gradients?.dispose();
      throw error;
    } finally {
      input.dispose();
    }
  });
}

interface Measured {
  readonly value: Tensor0D<OwnedTape>;
  readonly measured: Readonly<Record<string, number>>;
}

/** The loss and the metrics of a batch. */
function lossOf(
  { loss, metrics }: FitSettings,
  outputs: Tensor<Shape, OwnedTape>,
  labels: unknown,
): Measured {
  const value = computeLoss(loss, outputs, labels);
  const detached = outputs.detach();
  try {
    return { value, measured: measure(metrics, detached, labels) };
  } finally {
    detached.dispose();
  }
}

/**
 * Those of an empty batch, which a rank has when there are fewer samples than ranks. The pass through the model still takes
 * part in synchronized batch norm; a user's loss need not accept an empty batch.
 */
function nothing({ metrics }: FitSettings, outputs: Tensor<Shape, OwnedTape>): Measured {
  const value = sum(outputs) as Tensor0D<OwnedTape>;
  return { value, measured: Object.fromEntries(Object.keys(metrics).map((name) => [name, 0])) };
}

/** What console.log shows of an object of our own, such as all settings of an optimizer; the class of another one. */
function printed(value: object): string {
  const { [inspectCustom]: inspect } = value as { readonly [inspectCustom]?: unknown };
  const text: unknown = typeof inspect === 'function' ? inspect.call(value) : undefined;
  return typeof text === 'string' ? text : value.constructor.name;
}
