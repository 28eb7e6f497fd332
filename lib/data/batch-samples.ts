import { freshFloats } from '../backend/allocation.js';
import {
  describe,
  orDefault,
  requireBoolean,
  requireAttached,
  requirePositiveInteger,
  wrongShape,
  wrongType,
} from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { readClass, readNumberArray, readNumbers } from '../core/number-arrays.js';
import { lengthOf } from '../validation/typed-array.js';
import { Storage } from '../core/storage.js';
import type { RandomSource, Tensor } from '../core/tensor.js';
import { readShape } from '../core/values.js';
import { type Batch, batchTensor, createBatch } from './batch.js';
import { type BatchOptions, type BatchSize, readSampleShape, requireFields } from './data-loader.js';
import { type FeatureArray, type Normalization, normalizationNames, Normalizer } from './normalization.js';
import { randomIndex, readShuffle, shuffledIndices } from './shuffle.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** One sample of a stream. */
export interface Sample<L = number> {
  /** Row-major values; their number must fit the shape. */
  readonly features: FeatureArray;
  /** The class index or, with `labelShape`, the target values. */
  readonly label: L;
}

/** Settings of `batchSamples`. */
export interface StreamOptions<
  S extends Shape,
  B extends number,
  D extends boolean = false,
  LS extends Shape | undefined = undefined,
>
  extends BatchOptions<B, D>, Normalization {
  /** Shape of one sample. */
  readonly shape: S;
  /** Shape of one sample's target values. Default none: labels are class indices. */
  readonly labelShape?: LS;
  /** With `shuffle`, the number of samples buffered to draw from. A stream is shuffled only within this buffer.
   * Default 1024. */
  readonly shuffleBuffer?: number;
}

/** The type of a sample's label: values if `labelShape` is given, otherwise a class index. */
export type SampleLabel<LS> = LS extends Shape ? ArrayLike<number> : number | bigint;

/** A batch from `batchSamples`. */
export type StreamedBatch<S extends Shape, N extends number, LS extends Shape | undefined> = Batch<
  Tensor<readonly [N, ...S]>,
  LS extends Shape ? Tensor<readonly [N, ...LS]> : Int32Array
>;

interface Numbered {
  readonly index: number;
  readonly sample: Sample<unknown>;
}

/**
 * Batches samples from a stream, such as images that are decoded one at a time. Reads ahead by at most one batch, plus
 * the buffer when shuffling, and closes the stream if the caller stops early.
 *
 * @example
 * for await (const { x, labels } of batchSamples(pictures(), { shape: [3, 32, 32], batchSize: 64 })) {
 *   // x: Tensor4D<number, 3, 32, 32>
 * }
 * @throws TypeError or RangeError naming the option, or the sample, that is wrong.
 */
export function batchSamples<
  const S extends Shape,
  const B extends number,
  const D extends boolean = false,
  const LS extends Shape | undefined = undefined,
>(
  samples: AsyncIterable<Sample<SampleLabel<LS>>> | Iterable<Sample<SampleLabel<LS>>>,
  options: StreamOptions<S, B, D, LS>,
): AsyncGenerator<StreamedBatch<S, BatchSize<B, D>, LS>, void, undefined> {
  if (arguments.length > 2) requireNoSurplus('batchSamples', 2, arguments);
  const given = requireFields('options', options, [
    ...['shape', 'labelShape', 'batchSize', 'shuffle', 'rng', 'shuffleBuffer', 'dropLast'],
    ...normalizationNames,
  ]);
  const source = samples as unknown as Record<symbol, unknown> | null | undefined;
  // Strings and typed arrays are iterable, but not streams of samples.
  if (
    typeof samples !== 'object' ||
    ArrayBuffer.isView(samples) ||
    (typeof source?.[Symbol.asyncIterator] !== 'function' && typeof source?.[Symbol.iterator] !== 'function')
  ) {
    throw wrongType('samples', 'an iterable or an async iterable of samples', samples);
  }
  const maker = new BatchMaker(given);
  const batchSize = requirePositiveInteger('batchSize', given.batchSize);
  const dropLast = requireBoolean('dropLast', orDefault(given.dropLast, false));
  const buffer = requirePositiveInteger('shuffleBuffer', orDefault(given.shuffleBuffer, 1024));
  const numbered = number(samples, maker);
  const rng = readShuffle(given);
  const mixed = rng === undefined ? numbered : mix(numbered, buffer, rng);
  return group(mixed, batchSize, dropLast, maker) as AsyncGenerator<
    StreamedBatch<S, BatchSize<B, D>, LS>,
    void,
    undefined
  >;
}

async function* number(
  samples: AsyncIterable<unknown> | Iterable<unknown>,
  maker: BatchMaker,
): AsyncGenerator<Numbered> {
  let index = 0;
  for await (const sample of samples) {
    yield { index, sample: maker.check(index, sample) };
    index++;
  }
}

/** Yields a random sample from the buffer for each sample that arrives. */
async function* mix(
  samples: AsyncIterable<Numbered>,
  size: number,
  rng: RandomSource,
): AsyncGenerator<Numbered> {
  const waiting: Numbered[] = [];
  for await (const sample of samples) {
    if (waiting.length < size) {
      waiting.push(sample);
      continue;
    }
    const drawn = randomIndex(rng, size);
    const next = waiting[drawn];
    waiting[drawn] = sample;
    yield next;
  }
  for (const index of shuffledIndices(rng, waiting.length)) yield waiting[index];
}

async function* group(
  samples: AsyncIterable<Numbered>,
  batchSize: number,
  dropLast: boolean,
  maker: BatchMaker,
): AsyncGenerator<Batch<unknown, unknown>> {
  let collected: Numbered[] = [];
  for await (const sample of samples) {
    collected.push(sample);
    if (collected.length < batchSize) continue;
    yield maker.make(collected);
    collected = [];
  }
  if (collected.length > 0 && !dropLast) yield maker.make(collected);
}

class BatchMaker {
  readonly #shape: Shape;
  readonly #labelShape: Shape | undefined;
  readonly #normalizer: Normalizer;

  constructor(given: Readonly<Record<string, unknown>>) {
    this.#shape = readSampleShape('shape', given.shape);
    this.#labelShape =
      given.labelShape === undefined ? undefined : readShape('labelShape', given.labelShape as Shape);
    this.#normalizer = new Normalizer(given, this.#shape);
  }

  check(index: number, sample: unknown): Sample<unknown> {
    const place = `samples[${index}]`;
    if (typeof sample !== 'object' || sample === null) {
      throw wrongType(place, 'an object with features and label', sample);
    }
    const { features, label } = sample as Partial<Sample<unknown>>;
    const values = readNumberArray(`${place}.features`, features);
    this.#requireLength(index, values);
    return { features: values, label: this.#readLabel(`${place}.label`, label) };
  }

  make(samples: readonly Numbered[]): Batch<unknown, unknown> {
    const length = elementCount(this.#shape);
    // The arrays may have been transferred or have shrunk since they were checked.
    for (const { index, sample } of samples) this.#requireLength(index, sample.features);
    const storage = Storage.take(samples.length * length);
    for (const [i, { sample }] of samples.entries()) {
      this.#normalizer.write(sample.features, 0, storage.values, i * length);
    }
    return createBatch(
      batchTensor(samples.length, this.#shape, storage),
      this.#labels(samples),
      Uint32Array.from(samples, ({ index }) => index),
    );
  }

  #labels(samples: readonly Numbered[]): unknown {
    if (this.#labelShape === undefined) {
      return Int32Array.from(samples, ({ sample }) => sample.label as number);
    }
    const length = elementCount(this.#labelShape);
    const storage = Storage.take(samples.length * length);
    for (const [i, { sample }] of samples.entries()) {
      storage.values.set(sample.label as Float32Array, i * length);
    }
    return batchTensor(samples.length, this.#labelShape, storage);
  }

  #requireLength(index: number, features: FeatureArray): void {
    const length = elementCount(this.#shape);
    if (lengthOf(features) === length) return;
    const expected = `${length} values (shape ${formatShape(this.#shape)})`;
    const place = `samples[${index}].features`;
    requireAttached(place, features);
    throw wrongShape(place, expected, describe(features));
  }

  /** A class index, or a copy of the target values. */
  #readLabel(place: string, label: unknown): number | Float32Array {
    if (this.#labelShape === undefined) return readClass(place, label, 2 ** 31);
    const given = readNumbers(place, label);
    const count = elementCount(this.#labelShape);
    if (given.length !== count) {
      const expected = `${count} values (shape ${formatShape(this.#labelShape)})`;
      throw wrongShape(place, expected, describe(label));
    }
    const values = freshFloats('a label', count);
    values.set(given);
    return values;
  }
}
