import type { Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { isTaped, isTensor, type Tensor } from '../core/tensor.js';
import type { AsShape, ResultShape } from '../nn/shape-rule.js';
import { typeError, wrongShape, wrongType, wrongValue } from '../validation/errors.js';

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
  /** What the promise rejects with. */
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

export function readBatches(argument: string, value: unknown): Batches<Tensor<Shape>, unknown> {
  const candidate = value as Partial<Iterable<unknown> & AsyncIterable<unknown>> | null | undefined;
  const isIterable =
    typeof value === 'object' &&
    !ArrayBuffer.isView(value) &&
    (typeof candidate?.[Symbol.asyncIterator] === 'function' ||
      typeof candidate?.[Symbol.iterator] === 'function');
  if (!isIterable) throw wrongType(argument, 'a DataLoader or something else to iterate over', value);
  return value as Batches<Tensor<Shape>, unknown>;
}

/**
 * Passes each batch to `run`, then disposes of it. Batches in an array are kept, because the next epoch needs them again.
 * @throws RangeError if there are no batches.
 */
export async function forEachBatch(
  argument: string,
  data: Batches<Tensor<Shape>, unknown>,
  run: (batch: TrainingBatch<Tensor<Shape>, unknown>) => Promise<void>,
): Promise<void> {
  let count = 0;
  for await (const batch of data) {
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
