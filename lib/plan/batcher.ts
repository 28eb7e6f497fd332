import { formatShape, sameShape, type Shape } from '../core/shape.js';
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
import { type CallSignal, onAbort, readCallSignal } from './call-signal.js';
import { Latencies, type LatencyPercentiles } from './latencies.js';
import { Plan } from './plan.js';

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
  readonly values: Storage;
  readonly start: number;
  readonly signal: CallSignal | undefined;
  readonly resolve: (result: Tensor<Shape>) => void;
  readonly reject: (reason: unknown) => void;
  /** Called when the sample no longer waits for the signal. */
  forgetSignal: () => void;
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
   * @param plan A plan for batches of samples. Other calls of it delay the batches.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(plan: Plan<I, O>, options?: BatcherOptions) {
    if (arguments.length > 2) requireNoSurplus('new Batcher', 2, arguments);
    if (!((plan as unknown) instanceof Plan)) throw wrongType('plan', 'a Plan', plan);
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
    const { values: source } = storageOf(input);
    const values = Storage.take(source.length);
    values.values.set(source);
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const each: Sample = {
        ...{ values, start, signal, reject, settled: false },
        resolve: resolve as Sample['resolve'],
        forgetSignal: () => undefined,
      };
      each.forgetSignal = onAbort(signal, () => {
        this.#leave(each);
      });
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
    const signals = new Set(samples.map(({ signal }) => signal));
    const forgetAll = [...signals].map((signal) => onAbort(signal, stopIfAbandoned));
    try {
      const x = this.#joined(samples, size);
      const promise = this.plan.run(x as Tensor<I>, { signal: controller.signal });
      x.dispose();
      const y = await promise;
      this.#batches++;
      this.#batchSizes[count]++;
      this.#samples += count;
      const now = performance.now();
      for (const [i, sample] of samples.entries()) {
        this.#latencies.add(now - sample.start);
        settle(sample, () => {
          sample.resolve(part(y, i));
        });
      }
      y.dispose();
    } catch (error) {
      for (const sample of samples) {
        settle(sample, () => {
          sample.reject(error);
        });
      }
    } finally {
      for (const forget of forgetAll) forget();
    }
  }

  /** The samples as a batch, filled up with zeros to one of the plan's batch sizes. */
  #joined(samples: readonly Sample[], size: number): Tensor<Shape> {
    const { length } = samples[0].values.values;
    const storage = Storage.take(size * length);
    samples.forEach(({ values }, i) => {
      storage.values.set(values.values, i * length);
      values.release();
    });
    storage.values.fill(0, samples.length * length);
    const shape = Object.freeze([size, ...this.#sampleShape]);
    return createTensor<Shape, NoneTape>(shape, storage, undefined);
  }

  /** A sample whose signal was aborted no longer waits. */
  #leave(sample: Sample): void {
    const place = this.#waiting.indexOf(sample);
    if (place >= 0) {
      this.#waiting.splice(place, 1);
      sample.values.release();
    }
    settle(sample, () => {
      sample.reject(sample.signal?.reason);
    });
    this.#schedule();
  }
}

function settle(sample: Sample, how: () => void): void {
  if (sample.settled) return;
  sample.settled = true;
  sample.forgetSignal();
  how();
}

/** A copy of one sample's part of a batch. */
function part(y: Tensor<Shape>, i: number): Tensor<Shape> {
  const [size, ...shape] = y.shape;
  const { values } = storageOf(y);
  const length = values.length / size;
  const storage = Storage.take(length);
  storage.values.set(values.subarray(i * length, (i + 1) * length));
  return createTensor<Shape, NoneTape>(Object.freeze(shape), storage, undefined);
}
