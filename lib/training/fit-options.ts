import type { Gradients } from '../core/gradients.js';
import type { Shape } from '../core/shape.js';
import type { ShapeOf, Tensor } from '../core/tensor.js';
import { type FilePath, readPath } from '../io/files/path.js';
import { requireMethod } from '../io/npz/npz-files.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { asPart } from '../nn/compose/part.js';
import type { ResumableOptimizer } from '../optim/optimizer-state.js';
import {
  orDefault,
  requireOptions,
  requirePositiveInteger,
  typeError,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { quote } from '../validation/quote.js';
import { type AnyBatchSize, type Batches, readBatches, readSignal, type StopSignal } from './batches.js';
import { readTraining, type Resumable, type ResumableGenerator, type Training } from './checkpoint.js';
import { EarlyStopping, type EarlyStoppingOptions } from './early-stopping.js';
import { type AnyLoss, type LossFunction, type Metric, readLossFunction } from './evaluate.js';
import type { HasLearningRate } from './learning-rate-scheduler.js';
import { type Progress, readProgress } from './progress.js';
import { type Parallel, type ParallelRun, readParallel } from './parallel.js';
import type { Schedule } from './schedules.js';
import { type MetricFunctions, readMetrics, type Scores } from './scores.js';

/** An optimizer for `fit`: `Sgd`, `Adam`, `RMSprop`, or your own. */
export interface FitOptimizer {
  /** Learning rate of the next step; required with `schedule`. */
  lr?: HasLearningRate['lr'];
  /** Updates the parameters and consumes the gradients. */
  update(module: CanUpdateWithGradients, gradients: Gradients): void;
  /** As in `ResumableOptimizer`; required with `checkpoint`. */
  readonly write?: ResumableOptimizer['write'];
  /** As in `ResumableOptimizer`; required with `checkpoint`. */
  readonly read?: ResumableOptimizer['read'];
}

/** The scores of one epoch of `fit`. */
export interface EpochResult<K extends string = never> {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Loss and metrics of the training batches, each measured before its step: means over the samples. */
  readonly train: Scores<K | 'loss'>;
  /** Loss and metrics of the validation batches after the epoch; undefined without validation. */
  readonly validation: Scores<K | 'loss'> | undefined;
  /** Whether the monitored score is the best one so far; undefined without early stopping. */
  readonly isBest: boolean | undefined;
}

/** A step of `fit`. */
export interface StepResult<K extends string = never> {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  /** Number of the step in its epoch, from 1. */
  readonly step: number;
  /** Loss and metrics of the batch, measured before the step. */
  readonly scores: Scores<K | 'loss'>;
  /** Learning rate of the step; undefined if the optimizer has no `lr`. */
  readonly lr: number | undefined;
  /** Global norm of the gradients before clipping; undefined without `maxNorm`. */
  readonly norm: number | undefined;
}

/** Where `fit` saves checkpoints. */
export interface FitCheckpointOptions {
  /** The file. If it exists, training resumes from it. */
  readonly path: FilePath;
  /** Epochs from one save to the next; the last epoch is always saved. Default 1. */
  readonly every?: number;
  /**
   * Steps of an epoch from one save to the next, besides those after epochs. Training resumes after the last saved step: the
   * batches before it are skipped, and `generators` continue where they were. With them, the run is bit-identical to one that
   * was never interrupted. Default none.
   */
  readonly everySteps?: number;
  /** Random number generators under names of your choice, as for `saveCheckpoint`. */
  readonly generators?: Readonly<Record<string, ResumableGenerator>>;
  /** Other objects with state, as for `saveCheckpoint`, under names other than `scheduler`, `stopping` and `position`. */
  readonly parts?: Readonly<Record<string, Resumable>>;
}

/** Settings of `fit`. */
export interface FitOptions<M, X extends Tensor<Shape>, L, K extends string> {
  /** The batches of an epoch. Each is disposed of after its step, unless `data` is an array. */
  readonly data: Batches<X, L>;
  /** A function of the outputs, which have a tape, and the labels of a batch: the mean over the batch. */
  readonly loss: LossFunction<M, X, L>;
  /** Updates the model after each batch. */
  readonly optimizer: FitOptimizer;
  /** Total number of epochs, including those before a checkpoint. */
  readonly epochs: number;
  /** Learning rate of each step, counted from 0 over all epochs. */
  readonly schedule?: Schedule;
  /** Scales the gradients of a step down to this global norm: see `clipGradNorm`. `Infinity` only measures the norm. */
  readonly maxNorm?: number;
  /** Batches to evaluate after each epoch. */
  readonly validation?: Batches<Tensor<AnyBatchSize<ShapeOf<X>>>, L>;
  /** Functions of the outputs, which have no tape, and the labels, under names of your choice, such as `{ accuracy }`. The
   * outputs are released afterwards. */
  readonly metrics?: Readonly<Record<K, Metric<M, X, L>>>;
  /** Stops when the monitored score has not improved for `patience` epochs. */
  readonly earlyStopping?: EarlyStopping | EarlyStoppingOptions;
  /** The score that early stopping watches: that of validation or, without it, of training. For a metric, choose the `mode`
   * of `earlyStopping`. Default `'loss'`. */
  readonly monitor?: 'loss' | K;
  /** Saves checkpoints and resumes from them. */
  readonly checkpoint?: FitCheckpointOptions;
  /** Stops between two steps; the promise rejects with the signal's reason. */
  readonly signal?: StopSignal;
  /** Called after each step; a promise is awaited. */
  readonly onBatch?: (result: StepResult<K>) => unknown;
  /** Called after each epoch, before its checkpoint; a promise is awaited. */
  readonly onEpoch?: (result: EpochResult<K>) => unknown;
  /**
   * Whether to show progress on stderr: a bar on a terminal, and a line per epoch; or a function that receives the line.
   * Default false.
   */
  readonly progress?: boolean | ((line: string) => void);
  /**
   * A `DataParallel` of the model, to train it on several ranks. All of them call `fit` with the same options, which are
   * compared except for functions, and with data and validation from `parallel.shard(loader)`. Scores are those of all ranks, rank 0 writes progress and checkpoints, and
   * a signal on any rank stops them all.
   */
  readonly parallel?: Parallel;
}

const optionNames = [
  ...['data', 'loss', 'optimizer', 'epochs', 'schedule', 'maxNorm', 'validation', 'metrics'],
  ...['earlyStopping', 'monitor', 'checkpoint', 'signal', 'onBatch', 'onEpoch', 'progress'],
  'parallel',
];

/** Checked arguments of `fit`. */
export interface FitSettings {
  readonly model: CanUpdateWithGradients;
  readonly data: Batches<Tensor<Shape>, unknown>;
  readonly loss: AnyLoss;
  readonly optimizer: FitOptimizer;
  readonly epochs: number;
  readonly schedule: Schedule | undefined;
  readonly maxNorm: number | undefined;
  readonly validation: Batches<Tensor<Shape>, unknown> | undefined;
  readonly metrics: MetricFunctions;
  readonly stopping: EarlyStopping | undefined;
  readonly monitor: string;
  readonly checkpoint: CheckpointSettings | undefined;
  readonly signal: StopSignal | undefined;
  readonly onBatch: ((result: StepResult<string>) => unknown) | undefined;
  readonly onEpoch: ((result: EpochResult<string>) => unknown) | undefined;
  readonly progress: Progress | undefined;
  /** Undefined also for a group of one. */
  readonly parallel: ParallelRun | undefined;
}

interface CheckpointSettings {
  readonly path: string;
  readonly every: number;
  readonly everySteps: number | undefined;
  readonly generators: NonNullable<Training['generators']>;
  readonly parts: NonNullable<Training['parts']>;
}

export function readFit(model: unknown, options: unknown): FitSettings {
  asPart('model', model);
  requireMethod('model', model, 'update');
  requireMethod('model', model, 'parameters');
  if (options === undefined) throw wrongType('options', 'an object', options);
  const given = requireOptions('options', options, optionNames);
  const metrics = readMetrics(given.metrics);
  const { schedule, validation, maxNorm } = given;
  if (schedule !== undefined && typeof schedule !== 'function') {
    throw wrongType('schedule', 'a function from the number of a step to its lr', schedule);
  }
  requireMethod('optimizer', given.optimizer, 'update');
  const optimizer = given.optimizer as FitOptimizer;
  if (schedule !== undefined && typeof optimizer.lr !== 'number') {
    throw wrongType('optimizer', 'an object with lr, because there is a schedule,', optimizer);
  }
  const checkpoint = readCheckpoint(given.checkpoint, model, optimizer);
  const parallel = readParallel(given.parallel, model);
  return {
    model: model as CanUpdateWithGradients,
    data: readBatches('data', given.data, parallel),
    loss: readLossFunction(given.loss),
    optimizer,
    epochs: requirePositiveInteger('epochs', given.epochs),
    schedule: schedule as Schedule | undefined,
    maxNorm: maxNorm === undefined ? undefined : readMaxNorm(maxNorm),
    validation: validation === undefined ? undefined : readBatches('validation', validation, parallel),
    metrics,
    ...readStopping(given.earlyStopping, given.monitor, metrics),
    checkpoint,
    signal: readSignal(given.signal),
    onBatch: readCallback('onBatch', given.onBatch),
    onEpoch: readCallback('onEpoch', given.onEpoch),
    progress: readProgress(given.progress),
    parallel,
  };
}

function readStopping(
  earlyStopping: unknown,
  monitor: unknown,
  metrics: MetricFunctions,
): Pick<FitSettings, 'stopping' | 'monitor'> {
  const names = ['loss', ...Object.keys(metrics)];
  const watched = orDefault(monitor, 'loss');
  const expected = `one of ${names.map((name) => quote(name)).join(', ')}`;
  if (typeof watched !== 'string') throw wrongType('monitor', expected, watched);
  if (!names.includes(watched)) throw wrongValue('monitor', expected, quote(watched));
  if (earlyStopping === undefined) {
    if (monitor === undefined) return { stopping: undefined, monitor: watched };
    throw typeError('ERR_BATCHNORM_TYPE', 'Expected earlyStopping with monitor but received undefined');
  }
  if (earlyStopping instanceof EarlyStopping) return { stopping: earlyStopping, monitor: watched };
  const settings = requireOptions('earlyStopping', earlyStopping, ['patience', 'mode', 'minDelta']);
  // The default, 'min', would take the worst accuracy for the best one.
  if (watched !== 'loss' && settings.mode === undefined) {
    throw wrongType('mode', `'min' or 'max', because monitor is a metric,`, undefined);
  }
  return { stopping: new EarlyStopping(settings as unknown as EarlyStoppingOptions), monitor: watched };
}

function readCheckpoint(
  checkpoint: unknown,
  model: unknown,
  optimizer: FitOptimizer,
): CheckpointSettings | undefined {
  if (checkpoint === undefined) return undefined;
  const given = requireOptions('checkpoint', checkpoint, [
    'path',
    'every',
    'everySteps',
    'generators',
    'parts',
  ]);
  const path = readPath('path', given.path);
  const every = requirePositiveInteger('every', orDefault(given.every, 1));
  const everySteps =
    given.everySteps === undefined ? undefined : requirePositiveInteger('everySteps', given.everySteps);
  const { generators, parts } = readTraining({
    model: model as Training['model'],
    optimizer: optimizer as ResumableOptimizer,
    ...(given.generators === undefined ? {} : { generators: given.generators }),
    ...(given.parts === undefined ? {} : { parts: given.parts }),
  } as Training);
  for (const name of ['scheduler', 'stopping', 'position']) {
    if (Object.hasOwn(parts, name)) {
      throw wrongValue(
        'parts',
        `names other than scheduler, stopping and position, which fit uses,`,
        quote(name),
      );
    }
  }
  return { path, every, everySteps, generators, parts };
}

function readMaxNorm(maxNorm: unknown): number {
  const expected = 'a positive number';
  if (typeof maxNorm !== 'number') throw wrongType('maxNorm', expected, maxNorm);
  if (!(maxNorm > 0)) throw wrongValue('maxNorm', expected, String(maxNorm));
  return maxNorm;
}

function readCallback(argument: string, callback: unknown): ((result: unknown) => unknown) | undefined {
  if (callback === undefined) return undefined;
  if (typeof callback !== 'function') throw wrongType(argument, 'a function', callback);
  return callback as (result: unknown) => unknown;
}
