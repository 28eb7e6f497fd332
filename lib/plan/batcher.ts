import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { requireUntaped } from '../nn/mode.js';
import { throwIfAborted } from '../training/batches.js';
import {
  orDefault,
  plainError,
  requireNonNegative,
  requireOptions,
  requirePositiveInteger,
  typeError,
  wrongShape,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { abortReason, type CallSignal, onAbort, readCallSignal } from './call-signal.js';
import { Latencies, type LatencyPercentiles } from './latencies.js';
import { isPlan, type Plan, resultShapeOf } from './plan.js';

/** A shape without the axis of the batch. */
export type SampleShape<S extends Shape> = S extends readonly [number, ...infer Rest extends Shape]
  ? readonly [...Rest]
  : Shape;

/** Settings of a `Batcher`. */
export interface BatcherOptions {
  /** Maximum number of samples that are computed together. Default: the plan's largest batch. */
  readonly maxBatch?: number;
  /** How long a sample waits for others, in milliseconds; longer only while the plan computes other batches. Default 2. */
  readonly maxDelay?: number;
  /** How many samples may wait. Default 1024. */
  readonly maxQueue?: number;
}

/** Settings of one sample. */
export interface SampleOptions {
  /** Rejects with the signal's reason. The batch is stopped if nobody waits for it any more. */
  readonly signal?: CallSignal;
}

/** Counts and latencies of a `Batcher`. */
export interface BatcherStatistics {
  /** Number of samples that wait for a batch. */
  readonly queueLength: number;
  /** Number of samples that are being computed. */
  readonly running: number;
  /** Number of samples computed so far. */
  readonly samples: number;
  /** Number of batches computed so far. */
  readonly batches: number;
  /** How many batches had i samples, at index i. */
  readonly batchSizes: readonly number[];
  /** Time from `run` to its result, of the latest 1024 samples. */
  readonly latency: LatencyPercentiles;
}

interface Sample {
  /** Its own copy, until it is part of a batch. */
  values: Storage | undefined;
  readonly start: number;
  readonly signal: CallSignal | undefined;
  readonly resolve: (result: Tensor<Shape>) => void;
  readonly reject: (reason: unknown) => void;
  /** Called when the sample no longer waits for the signal. It never throws. */
  forgetSignal: () => void;
  /** Called when the sample's signal was aborted while its batch is computed. */
  leaveBatch: () => void;
  settled: boolean;
}

/**
 * Computes single samples together: a plan computes a batch faster than its samples one by one. Each sample waits until
 * there are `maxBatch` of them, or for `maxDelay`.
 *
 * @example
 * const plan = compile(net, [16, 1, 28, 28]);
 * const batcher = new Batcher(plan, { maxDelay: 5 });
 * const logits = await batcher.run(Tensor.zeros([1, 28, 28]));
 */
export class Batcher<I extends Shape, O extends Shape> {
  static {
    guardMethods(this);
  }

  /** The plan that computes the batches. */
  readonly plan: Plan<I, O>;
  /** Maximum number of samples that are computed together. */
  readonly maxBatch: number;
  /** How long a sample waits for others, in milliseconds. */
  readonly maxDelay: number;
  /** How many samples may wait. */
  readonly maxQueue: number;

  readonly #sampleShape: Shape;
  /** Of one sample. */
  readonly #resultShape: Shape;
  readonly #waiting: Sample[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #latencies = new Latencies();
  readonly #batchSizes: number[];
  #computing = 0;
  #samples = 0;
  #batches = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Whether a sample has waited for `maxDelay`. */
  #due = false;
  #disposed = false;

  /**
   * @param plan A plan whose results have a row for each sample: shape [N, ...] for any number N of samples, computed from
   * that sample alone. Other calls of it delay the batches.
   * @throws TypeError or RangeError naming the wrong argument, also for a plan whose results have another shape.
   */
  constructor(plan: Plan<I, O>, options?: BatcherOptions) {
    if (arguments.length > 2) requireNoSurplus('new Batcher', 2, arguments);
    if (!isPlan(plan)) throw wrongType('plan', 'a Plan', plan);
    const given = requireOptions('options', options, ['maxBatch', 'maxDelay', 'maxQueue']);
    const most = Math.max(...plan.batchSizes);
    this.plan = plan;
    this.maxBatch = requirePositiveInteger('maxBatch', orDefault(given.maxBatch, most));
    if (this.maxBatch > most) {
      throw wrongValue('maxBatch', `at most ${most}, the plan's largest batch,`, String(this.maxBatch));
    }
    this.maxDelay = requireNonNegative('maxDelay', orDefault(given.maxDelay, 2));
    this.maxQueue = requirePositiveInteger('maxQueue', orDefault(given.maxQueue, 1024));
    this.#sampleShape = Object.freeze(plan.inputShape.slice(1));
    this.#resultShape = readResultShape(plan);
    this.#batchSizes = new Array<number>(this.maxBatch + 1).fill(0);
  }

  /** Queue length, batch sizes and latencies up to now. */
  get statistics(): BatcherStatistics {
    return {
      queueLength: this.#waiting.length,
      running: this.#computing,
      samples: this.#samples,
      batches: this.#batches,
      batchSizes: [...this.#batchSizes],
      latency: this.#latencies.percentiles(),
    };
  }

  /**
   * Computes one sample as part of a batch.
   * @param sample Of the plan's shape without the batch, without a tape. Its values are copied.
   * @returns The result of the sample, without the axis of the batch. Rejects with the signal's reason, or if `maxQueue`
   * samples are waiting, or with the error of the batch.
   */
  async run(sample: Tensor<SampleShape<I>>, options?: SampleOptions): Promise<Tensor<SampleShape<O>>> {
    const given = requireOptions('options', options, ['signal']);
    const signal = readCallSignal(given.signal);
    throwIfAborted(signal);
    const input = requireUntaped('sample', sample);
    if (!sameShape(input.shape, this.#sampleShape)) {
      throw wrongShape(
        'sample',
        `shape ${formatShape(this.#sampleShape)}`,
        `shape ${formatShape(input.shape)}`,
      );
    }
    return new Promise((resolve, reject) => {
      const each: Sample = {
        ...{ values: undefined, start: performance.now(), signal, reject, settled: false },
        resolve: resolve as Sample['resolve'],
        forgetSignal: () => undefined,
        leaveBatch: () => undefined,
      };
      // Before the sample waits, because a signal may be any object: its methods may throw or call this batcher.
      each.forgetSignal = onAbort(signal, () => {
        this.#leave(each);
      });
      try {
        throwIfAborted(signal);
        this.#requireRoom();
        each.values = copyOf(input);
      } catch (error) {
        each.forgetSignal();
        throw error;
      }
      this.#waiting.push(each);
      this.#schedule();
    });
  }

  /** Computes the waiting samples, waits for all results, and refuses later ones. The plan can still be used. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#due = true;
    this.#schedule();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Called by `await using`; the same as `dispose()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** @throws Error if no further sample may wait. */
  #requireRoom(): void {
    if (this.#disposed) {
      throw typeError(
        'ERR_BATCHNORM_DISPOSED',
        'This batcher was disposed. Call dispose() after its last call',
      );
    }
    if (this.#waiting.length >= this.maxQueue) {
      throw plainError(
        'ERR_BATCHNORM_QUEUE_FULL',
        `Expected at most ${this.maxQueue} waiting samples, the batcher's maxQueue, but there are as many already`,
      );
    }
  }

  /** Starts batches that are full or whose time has come, and a timer for the next one. */
  #schedule(): void {
    while (this.#waiting.length >= this.maxBatch && this.#mayStart()) this.#startBatch();
    if (this.#due && this.#waiting.length > 0 && this.#mayStart()) this.#startBatch();
    if (this.#waiting.length === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#due = this.#disposed;
    } else if (!this.#due) {
      const remaining = Math.max(0, this.#waiting[0].start + this.maxDelay - performance.now());
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#due = true;
        this.#schedule();
      }, remaining);
    }
  }

  /** Whether a batch would be computed at once; until then it can still grow. */
  #mayStart(): boolean {
    return this.plan.pending < this.plan.concurrency || this.#running.size === 0;
  }

  #startBatch(): void {
    const samples = this.#waiting.splice(0, this.maxBatch);
    this.#due = this.#disposed;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#computing += samples.length;
    const batch = this.#compute(samples).finally(() => {
      this.#running.delete(batch);
      this.#computing -= samples.length;
      this.#schedule();
    });
    this.#running.add(batch);
  }

  async #compute(samples: readonly Sample[]): Promise<void> {
    const controller = new AbortController();
    const count = samples.length;
    const size = Math.min(...this.plan.batchSizes.filter((each) => each >= count));
    const stopIfAbandoned = () => {
      if (samples.every(({ settled }) => settled)) controller.abort();
    };
    for (const sample of samples) sample.leaveBatch = stopIfAbandoned;
    try {
      const x = this.#joined(samples, size);
      const promise = this.plan.run(x as Tensor<I>, { signal: controller.signal });
      x.dispose();
      const y = await promise;
      this.#requireRows(y, size);
      this.#batches++;
      this.#batchSizes[count]++;
      this.#samples += count;
      const now = performance.now();
      for (const [i, sample] of samples.entries()) {
        this.#latencies.add(now - sample.start);
        settle(sample, () => {
          sample.resolve(rowOf(y, i));
        });
      }
      y.dispose();
    } catch (error) {
      for (const sample of samples) {
        settle(sample, () => {
          sample.reject(error);
        });
      }
    }
  }

  /** @throws RangeError unless the result of a batch has a row for each sample. */
  #requireRows(y: Tensor<Shape>, size: number): void {
    const expected = [size, ...this.#resultShape];
    if (sameShape(y.shape, expected)) return;
    y.dispose();
    throw wrongShape(
      'the result of the plan',
      `shape ${formatShape(expected)}`,
      `shape ${formatShape(y.shape)}`,
    );
  }

  /** The samples as a batch, filled up with zeros to one of the plan's batch sizes. */
  #joined(samples: readonly Sample[], size: number): Tensor<Shape> {
    const length = elementCount(this.#sampleShape);
    try {
      const storage = Storage.take(size * length);
      for (const [i, { values }] of samples.entries()) {
        if (values !== undefined) storage.values.set(values.values, i * length);
      }
      storage.values.fill(0, samples.length * length);
      const shape = Object.freeze([size, ...this.#sampleShape]);
      return createTensor<Shape, NoneTape>(shape, storage, undefined);
    } finally {
      for (const sample of samples) release(sample);
    }
  }

  /** A sample whose signal was aborted no longer waits. */
  #leave(sample: Sample): void {
    const place = this.#waiting.indexOf(sample);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      release(sample);
    }
    settle(sample, () => {
      sample.reject(abortReason(sample.signal));
    });
    sample.leaveBatch();
    this.#schedule();
  }
}

/**
 * The shape of one sample's result.
 * @throws RangeError unless the first axis of the results is that of the samples. One shape cannot tell, since [4, 4] may as
 * well be transposed; the shape for another number of samples does.
 */
function readResultShape(plan: Plan<Shape, Shape>): Shape {
  const [size] = plan.inputShape;
  // Not every plan accepts other sizes, but most of the models do. Those that do not are compiled for this size only.
  const other = plan.batchSizes.find((each) => each !== size) ?? size + 1;
  const [first, ...row] = plan.outputShape;
  const found = resultShapeOf(plan, other) ?? [other, ...row];
  if (first === size && sameShape(found, [other, ...row])) return Object.freeze(row);
  throw wrongShape(
    'the results of plan',
    'shape [N, ...] for N samples',
    `shape ${formatShape(plan.outputShape)} for ${size} and ${formatShape(found)} for ${other}`,
  );
}

/** Settles the promise of a sample once; rejects it if `how` throws. */
function settle(sample: Sample, how: () => void): void {
  if (sample.settled) return;
  sample.settled = true;
  sample.forgetSignal();
  try {
    how();
  } catch (error) {
    sample.reject(error);
  }
}

function release(sample: Sample): void {
  sample.values?.release();
  sample.values = undefined;
}

// Both read the values after memory was taken, because views of WebAssembly's memory are lost when that grows.

function copyOf(x: Tensor<Shape>): Storage {
  const storage = Storage.take(elementCount(x.shape));
  storage.values.set(storageOf(x).values);
  return storage;
}

/** A copy of one sample's row of a result. */
function rowOf(y: Tensor<Shape>, i: number): Tensor<Shape> {
  const shape = y.shape.slice(1);
  const length = elementCount(shape);
  const storage = Storage.take(length);
  storage.values.set(storageOf(y).values.subarray(i * length, (i + 1) * length));
  return createTensor<Shape, NoneTape>(Object.freeze(shape), storage, undefined);
}
