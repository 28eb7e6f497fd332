import { orDefault, requireFinite, requirePositive, wrongShape, wrongType } from '../validation/errors.js';
import { isUint8Array, type NumberArray } from '../validation/typed-array.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';

/** How stored values become tensor values: (scale * value - mean) / deviation, computed in float64. */
export interface Normalization {
  /** For example 1 / 255 to map bytes to [0, 1]. Default 1. */
  readonly scale?: number;
  /** One number, or one per channel (index of the first axis). Default 0. */
  readonly mean?: number | readonly number[];
  /** One positive number, or one per channel. Default 1. */
  readonly deviation?: number | readonly number[];
}

export const normalizationNames = ['scale', 'mean', 'deviation'] as const;

/** An array of feature values. */
export type FeatureArray = NumberArray;

/** Writes samples into a batch. */
export class Normalizer {
  readonly #scale: number;
  readonly #means: readonly number[];
  readonly #deviations: readonly number[];
  /** Number of values per channel of a sample. */
  readonly #plane: number;
  readonly #identity: boolean;
  /** Lookup table from byte to value for each channel; made on first use. */
  #bytes: readonly Float32Array[] | undefined;

  /** @throws TypeError or RangeError naming the wrong option. */
  constructor(given: Readonly<Record<string, unknown>>, shape: Shape) {
    this.#scale = requireFinite('scale', orDefault(given.scale, 1));
    const means = readChannels('mean', orDefault(given.mean, 0), shape, requireFinite);
    const deviations = readChannels('deviation', orDefault(given.deviation, 1), shape, requirePositive);
    const channels = Math.max(means.length, deviations.length);
    this.#means = spread(means, channels);
    this.#deviations = spread(deviations, channels);
    this.#plane = elementCount(shape) / channels;
    this.#identity = this.#scale === 1 && means.every((m) => m === 0) && deviations.every((d) => d === 1);
  }

  /** Writes one sample from `source` at `begin` to `target` at `at`. */
  write(source: FeatureArray, begin: number, target: Float32Array, at: number): void {
    const plane = this.#plane;
    const channels = this.#means.length;
    if (this.#identity) {
      target.set(source.subarray(begin, begin + channels * plane), at);
      return;
    }
    for (let c = 0; c < channels; c++) {
      const from = begin + c * plane;
      const to = at + c * plane;
      if (isUint8Array(source)) {
        const table = (this.#bytes ??= this.#makeTables())[c];
        for (let i = 0; i < plane; i++) target[to + i] = table[source[from + i]];
      } else {
        const scale = this.#scale;
        const mean = this.#means[c];
        const deviation = this.#deviations[c];
        for (let i = 0; i < plane; i++) {
          target[to + i] = (scale * source[from + i] - mean) / deviation;
        }
      }
    }
  }

  #makeTables(): readonly Float32Array[] {
    return this.#means.map((mean, c) =>
      Float32Array.from({ length: 256 }, (_, byte) => (this.#scale * byte - mean) / this.#deviations[c]),
    );
  }
}

function readChannels(
  argument: string,
  value: unknown,
  shape: Shape,
  require: (argument: string, value: unknown) => number,
): readonly number[] {
  if (typeof value === 'number') return [require(argument, value)];
  if (!Array.isArray(value)) {
    throw wrongType(argument, 'a number or an array with one for each channel', value);
  }
  const [channels] = shape;
  if (channels === undefined || value.length !== channels) {
    throw wrongShape(
      argument,
      `a number or one for each channel of shape ${formatShape(shape)}`,
      `${value.length} numbers`,
    );
  }
  return value.map((each, c) => require(`${argument}[${c}]`, each));
}

function spread(values: readonly number[], channels: number): readonly number[] {
  return values.length === channels ? values : Array.from({ length: channels }, () => values[0]);
}
