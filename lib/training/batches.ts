import type { Shape } from '../core/shape.js';
import { DataLoader } from '../data/data-loader.js';
import type { Tape } from '../core/tape.js';
import { isTaped, isTensor, type Tensor } from '../core/tensor.js';
import type { AsShape, ResultShape } from '../nn/shape-rule.js';
import { typeError, wrongShape, wrongType, wrongValue } from '../validation/errors.js';
import type { ParallelRun } from './parallel.js';

/** The samples of one step: a `Batch` of a `DataLoader` or of `batchSamples`, or your own. */
export interface TrainingBatch<X, L> {
  /** The samples, [N, ...], without a tape. */
  readonly x: X;
  /** The targets that the loss and the metrics receive. */
  readonly labels: L;
  /** Called when the batch is no longer needed, unless the batches are an array. */
  dispose?(): void;
}

/**
 * Batches of one epoch: a `DataLoader`, an array, or any object that can be iterated again for each epoch. A generator can
 * be iterated only once.
 */
export type Batches<X, L> = Iterable<TrainingBatch<X, L>> | AsyncIterable<TrainingBatch<X, L>>;

/** A shape with any size of the batch, because the last batch and those of validation may be smaller. */
export type AnyBatchSize<S extends Shape> = S extends readonly [number, ...infer Rest extends Shape]
  ? readonly [number, ...Rest]
  : S;

/** The outputs of a model for batches of shape S. */
export type OutputsOf<M, S extends Shape, T extends Tape> = Tensor<
  AsShape<ResultShape<M, AnyBatchSize<S>>>,
  T
>;

/** The part of `AbortSignal` that we use. Declared here because users need not have its type. */
export interface StopSignal {
  /** Whether to stop before the next batch. */
  readonly aborted: boolean;
  /** The reason with which the promise rejects. */
  readonly reason: unknown;
}

/** @throws the signal's reason if it is aborted. */
export function throwIfAborted(signal: StopSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason as Error;
}

export function readSignal(signal: unknown): StopSignal | undefined {
  if (signal === undefined) return undefined;
  const isSignal =
    typeof signal === 'object' &&
    signal !== null &&
    'aborted' in signal &&
    typeof signal.aborted === 'boolean';
  if (!isSignal) throw wrongType('signal', 'an AbortSignal', signal);
  return signal as StopSignal;
}

/** @param parallel The run of a group of several ranks, each of which needs samples of its own. */
export function readBatches(
  argument: string,
  value: unknown,
  parallel: ParallelRun | undefined,
): Batches<Tensor<Shape>, unknown> {
  if (parallel !== undefined && value instanceof DataLoader) {
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      `Expected parallel.shard(loader) for ${argument} but received the DataLoader, from which every rank would take all samples. Wrap a loader of this rank's own samples in a generator`,
    );
  }
  const candidate = value as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
  const isIterable =
    typeof value === 'object' &&
    !ArrayBuffer.isView(value) &&
    (typeof candidate?.[Symbol.asyncIterator] === 'function' ||
      typeof candidate?.[Symbol.iterator] === 'function');
  if (!isIterable) throw wrongType(argument, 'a DataLoader or something else to iterate over', value);
  return value as Batches<Tensor<Shape>, unknown>;
}

/** Where an interrupted epoch continues. */
export interface Continuation {
  /** Number of batches before it. */
  readonly skip: number;
  /** Called once the random order of the epoch was drawn, before the next batch is used: restores the generators. */
  readonly restore: () => void;
}

/**
 * Passes each batch to `run`, then disposes of it. Batches in an array are kept, because the next epoch needs them again.
 * @param continuation Skips batches.
 * @throws RangeError if there are no batches, or fewer than are skipped.
 */
export async function forEachBatch(
  argument: string,
  data: Batches<Tensor<Shape>, unknown>,
  run: (batch: TrainingBatch<Tensor<Shape>, unknown>) => Promise<void>,
  continuation?: Continuation,
): Promise<void> {
  let count = continuation?.skip ?? 0;
  for await (const batch of continuation === undefined ? data : continued(argument, data, continuation)) {
    const checked = readBatch(argument, batch);
    try {
      await run(checked);
    } finally {
      if (!Array.isArray(data)) checked.dispose?.();
    }
    count++;
  }
  if (count === 0) {
    throw wrongValue(argument, 'at least one batch in each epoch', 'none; a generator ends after one epoch');
  }
}

async function* continued(
  argument: string,
  data: Batches<Tensor<Shape>, unknown>,
  { skip, restore }: Continuation,
): AsyncGenerator<unknown, void, undefined> {
  if (data instanceof DataLoader && skip <= data.length) {
    let isRestored = false;
    for (const batch of data.epoch({ skip })) {
      if (!isRestored) restore();
      isRestored = true;
      yield batch;
    }
    if (!isRestored) restore();
    return;
  }
  let count = 0;
  for await (const batch of data) {
    if (count < skip) {
      if (!Array.isArray(data)) readBatch(argument, batch).dispose?.();
      count++;
      // Before the next batch is requested, which may draw random numbers of its own.
      if (count === skip) restore();
    } else {
      yield batch;
    }
  }
  if (count < skip) {
    throw wrongValue(argument, `at least ${skip} batches, as many as the checkpoint follows,`, String(count));
  }
}

function readBatch(argument: string, value: unknown): TrainingBatch<Tensor<Shape>, unknown> {
  const batch = value as Partial<TrainingBatch<Tensor<Shape>, unknown>> | null | undefined;
  const x: unknown = typeof batch === 'object' ? batch?.x : undefined;
  if (!isTensor(x)) throw wrongType(argument, 'batches with a Tensor x', x === undefined ? value : x);
  if (x.shape.length === 0) throw wrongShape(argument, 'batches of shape [N, ...]', 'a scalar');
  if (isTaped(x)) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      `Expected batches without a tape for ${argument} but received one with a tape`,
    );
  }
  return batch as TrainingBatch<Tensor<Shape>, unknown>;
}
