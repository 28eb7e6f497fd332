import {
  describe,
  orDefault,
  requireBoolean,
  requireAttached,
  requireOptions,
  requirePositiveInteger,
  wrongShape,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { freshArray } from '../backend/allocation.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { RandomSource, Tensor } from '../core/tensor.js';
import {
  type ClassArray,
  classArrayLength,
  readClasses,
  readNumberArray,
  readNumbers,
} from '../core/number-arrays.js';
import { isUint8Array, type NumberArray } from '../validation/typed-array.js';
import { readShape, requireFixedSize } from '../core/values.js';
import { type Batch, batchTensor, createBatch } from './batch.js';
import { type FeatureArray, type Normalization, normalizationNames, Normalizer } from './normalization.js';
import { indicesUpTo, readShuffle, shuffledIndices } from './shuffle.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** A dataset in typed arrays. */
export interface ArrayDataset<
  S extends Shape,
  L extends ClassArray | undefined = undefined,
  LS extends Shape | undefined = undefined,
> extends Normalization {
  /** The values of all samples, of any numeric type; batches contain float32. The array is not copied, so later changes
   * to it show in later batches. */
  readonly features: FeatureArray;
  /** Shape of one sample, such as [1, 28, 28]. */
  readonly shape: S;
  /** One class index per sample or, with `labelShape`, the target values. `Uint8Array` and `Int32Array` class indices
   * and typed arrays of target values are not copied. */
  readonly labels?: L;
  /** Shape of one sample's target values in `labels`; [] for a single number. */
  readonly labelShape?: LS;
}

/** Settings of a `DataLoader`. */
export interface BatchOptions<B extends number, D extends boolean = false> {
  /** Samples in a batch. */
  readonly batchSize: B;
  /** Whether to draw a new order for each epoch. Default false: the given order. */
  readonly shuffle?: boolean;
  /** Random numbers for `shuffle`. Default `Math.random`. */
  readonly rng?: RandomSource;
  /** Whether to drop the last batch of an epoch if it is incomplete; batch norm cannot train on one value per channel.
   * Default false. */
  readonly dropLast?: D;
}

/** The size of a batch in the type: a literal if every batch is full. */
export type BatchSize<B extends number, D extends boolean> = [D] extends [true] ? B : number;

/** The type of a batch's labels: a tensor with `labelShape`, otherwise class indices as bytes or 32-bit integers. */
export type BatchLabels<L, LS, N extends number> = LS extends Shape
  ? Tensor<readonly [N, ...LS]>
  : L extends Uint8Array | Int32Array | undefined
    ? L
    : Int32Array;

/** Settings of one epoch. */
export interface EpochOptions {
  /** Number of batches to skip without computing them, to resume in the middle of an epoch. The order of the epoch does
   * not change. Default 0. */
  readonly skip?: number;
}

/** The part of each batch that one of several processes computes. */
export interface Shard {
  readonly rank: number;
  readonly size: number;
  /** Replaces the order of an epoch, which was drawn at random, by the one that all ranks use. */
  readonly agree: (order: Uint32Array) => void;
}

/** The epoch of a loader in which each batch has only the samples of one rank. For data-parallel training only. */
export let shardedEpoch: <
  S extends Shape,
  B extends number,
  D extends boolean,
  L extends ClassArray | undefined,
  LS extends Shape | undefined,
>(
  loader: DataLoader<S, B, D, L, LS>,
  shard: Shard,
  options: EpochOptions | undefined,
) => Generator<LoadedBatch<S, number, false, L, LS>, void, undefined>;

/** The settings in which the loaders of all ranks must agree. For data-parallel training only. */
export let loaderSettings: (loader: AnyLoader) => readonly (readonly [name: string, value: string])[];

/** A loader of any samples. */
export type AnyLoader = DataLoader<Shape, number, boolean, ClassArray | undefined, Shape | undefined>;

/**
 * Batches a dataset in typed arrays. Each iteration is one epoch, whose order is drawn when the first batch is requested.
 *
 * @example
 * const loader = new DataLoader(
 *   { features: images.values, shape: [1, 28, 28], labels: labels.values, scale: 1 / 255 },
 *   { batchSize: 64, shuffle: true, dropLast: true },
 * );
 * for (const { x, labels } of loader) {
 *   adam.update(net, backward(crossEntropyWithLogitsLoss(net.forwardMut(x.trace()), labels)));
 * }
 */
export class DataLoader<
  const S extends Shape,
  const B extends number,
  const D extends boolean = false,
  L extends ClassArray | undefined = undefined,
  const LS extends Shape | undefined = undefined,
> {
  static {
    guardMethods(this);
    shardedEpoch = (loader, shard, options) => loader.#batches(loader.#readSkip(options), shard);
    loaderSettings = (loader) => [
      ['samples', String(loader.samples)],
      ['shape', formatShape(loader.shape)],
      ['batchSize', String(loader.batchSize)],
      ['dropLast', String(loader.#dropLast)],
      ['shuffle', String(loader.#shuffle !== undefined)],
    ];
  }

  /** Number of samples. */
  readonly samples: number;
  /** Samples in a full batch. */
  readonly batchSize: B;
  /** Shape of one sample. */
  readonly shape: S;

  readonly #features: Kept<FeatureArray>;
  readonly #normalizer: Normalizer;
  readonly #labels: Kept<NumberArray> | undefined;
  readonly #labelShape: Shape | undefined;
  readonly #shuffle: RandomSource | undefined;
  readonly #dropLast: boolean;

  /** @throws TypeError or RangeError naming the wrong field or option. */
  constructor(dataset: ArrayDataset<S, L, LS>, options: BatchOptions<B, D>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const data = requireFields('dataset', dataset, [
      'features',
      'shape',
      'labels',
      'labelShape',
      ...normalizationNames,
    ]);
    const given = requireFields('options', options, ['batchSize', 'shuffle', 'rng', 'dropLast']);
    this.shape = readSampleShape('shape', data.shape) as S;
    this.#features = new Kept('features', readNumberArray('features', data.features));
    this.samples = countSamples(this.#features.array, this.shape);
    this.#normalizer = new Normalizer(data, this.shape);
    this.#labelShape =
      data.labelShape === undefined ? undefined : readShape('labelShape', data.labelShape as Shape);
    const labels = readLabels(data.labels, this.samples, this.#labelShape);
    this.#labels = labels && new Kept('labels', labels);

    this.batchSize = requirePositiveInteger('batchSize', given.batchSize) as B;
    this.#dropLast = requireBoolean('dropLast', orDefault(given.dropLast, false));
    if (this.#dropLast && this.batchSize > this.samples) {
      throw wrongValue(
        'batchSize',
        `at most ${this.samples}, the number of samples, because dropLast drops an incomplete batch,`,
        String(this.batchSize),
      );
    }
    this.#shuffle = readShuffle(given);
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const batches = this.samples / this.batchSize;
    return this.#dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The batches of one epoch. */
  [Symbol.iterator](): Generator<LoadedBatch<S, B, D, L, LS>, void, undefined> {
    return this.epoch();
  }

  /**
   * The batches of one epoch, optionally from the middle.
   * @throws TypeError or RangeError for a wrong option, before the order is drawn.
   */
  epoch(options?: EpochOptions): Generator<LoadedBatch<S, B, D, L, LS>, void, undefined> {
    return this.#batches(this.#readSkip(options));
  }

  #readSkip(options: EpochOptions | undefined): number {
    const { skip = 0 } = requireOptions('options', options, ['skip']);
    if (typeof skip !== 'number') throw wrongType('skip', 'a number of batches', skip);
    if (!Number.isSafeInteger(skip) || skip < 0 || skip > this.length) {
      throw wrongValue('skip', `a number of batches from 0 to ${this.length}`, String(skip));
    }
    return skip;
  }

  *#batches(skip: number, shard?: Shard): Generator<LoadedBatch<S, B, D, L, LS>, void, undefined> {
    const order =
      this.#shuffle === undefined ? indicesUpTo(this.samples) : shuffledIndices(this.#shuffle, this.samples);
    if (this.#shuffle !== undefined) shard?.agree(order);
    const end = this.length;
    for (let batch = skip; batch < end; batch++) {
      const begin = batch * this.batchSize;
      const indices = order.slice(begin, begin + this.batchSize);
      yield this.#batch(shard === undefined ? indices : partOf(indices, shard));
    }
  }

  #batch(indices: Uint32Array): LoadedBatch<S, B, D, L, LS> {
    const length = elementCount(this.shape);
    const features = this.#features.array;
    const storage = Storage.take(indices.length * length);
    indices.forEach((index, i) => {
      this.#normalizer.write(features, index * length, storage.values, i * length);
    });
    const x = batchTensor(indices.length, this.shape, storage);
    return createBatch(x, this.#labelsOf(indices), indices) as LoadedBatch<S, B, D, L, LS>;
  }

  #labelsOf(indices: Uint32Array): unknown {
    if (this.#labels === undefined) return undefined;
    const labels = this.#labels.array;
    if (this.#labelShape !== undefined) {
      const length = elementCount(this.#labelShape);
      const storage = Storage.take(indices.length * length);
      indices.forEach((index, i) => {
        storage.values.set(labels.subarray(index * length, (index + 1) * length), i * length);
      });
      return batchTensor(indices.length, this.#labelShape, storage);
    }
    const Labels = isUint8Array(labels) ? Uint8Array : Int32Array;
    const batch = freshArray<Uint8Array | Int32Array>(Labels, 'the labels of a batch', indices.length);
    indices.forEach((index, i) => {
      batch[i] = labels[index];
    });
    return batch;
  }
}

/** The samples of one rank: consecutive ones, of which the first ranks get one more if they cannot be divided equally. */
function partOf(indices: Uint32Array, { rank, size }: Shard): Uint32Array {
  const begin = (of: number): number => {
    const each = Math.floor(indices.length / size);
    return of * each + Math.min(of, indices.length % size);
  };
  return indices.slice(begin(rank), begin(rank + 1));
}

/** A batch from a `DataLoader`. */
export type LoadedBatch<
  S extends Shape,
  B extends number,
  D extends boolean,
  L,
  LS extends Shape | undefined,
> = Batch<Tensor<readonly [BatchSize<B, D>, ...S]>, BatchLabels<L, LS, BatchSize<B, D>>>;

/** An object with no field names but these. */
export function requireFields(
  argument: string,
  value: unknown,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  if (value === undefined) throw wrongType(argument, 'an object', value);
  return requireOptions(argument, value, names);
}

/** The shape of one sample, which must not be empty. */
export function readSampleShape(argument: string, shape: unknown): Shape {
  const own = readShape(argument, shape as Shape);
  if (elementCount(own) === 0) {
    throw wrongValue(argument, 'sizes from 1', formatShape(own));
  }
  return own;
}

/** A user's array, whose buffer may be transferred to another thread between two batches. */
class Kept<A extends NumberArray> {
  readonly #array: A;

  constructor(
    private readonly argument: string,
    array: A,
  ) {
    requireFixedSize(argument, array);
    this.#array = array;
  }

  get array(): A {
    requireAttached(this.argument, this.#array);
    return this.#array;
  }
}

function countSamples(features: FeatureArray, shape: Shape): number {
  const length = elementCount(shape);
  if (features.length === 0 || features.length % length !== 0) {
    throw wrongShape(
      'features',
      `samples of ${length} values (shape ${formatShape(shape)})`,
      describe(features),
    );
  }
  return features.length / length;
}

function readLabels(
  labels: unknown,
  samples: number,
  labelShape: Shape | undefined,
): NumberArray | undefined {
  if (labelShape !== undefined) {
    const count = samples * elementCount(labelShape);
    requireCount(labels, count, `${count} values (${samples} of shape ${formatShape(labelShape)})`);
    return readNumbers('labels', labels);
  }
  if (labels === undefined) return undefined;
  requireCount(labels, samples, `${samples} labels, one for each sample,`);
  return readClasses('labels', labels);
}

/**
 * Checks the number of labels before they are copied. Values that are not arrays are refused when they are
 * read.
 */
function requireCount(labels: unknown, count: number, expected: string): void {
  requireAttached('labels', labels);
  const length = classArrayLength(labels);
  if (length !== undefined && length !== count) throw wrongShape('labels', expected, describe(labels));
}
