import {
  orDefault,
  requireNonNegative,
  requireOptions,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { quote } from '../validation/quote.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of a new `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** How many values in a row may bring nothing before it is time to stop. */
  readonly patience: number;
  /** Whether a better value is a smaller one (a loss) or a larger one (an accuracy). Default `'min'`. */
  readonly mode?: 'min' | 'max';
  /** How much better than the best a value must at least be; any better where 0. Default 0. */
  readonly minDelta?: number;
}

/**
 * Says when a value that is watched, such as the loss on validation data after each epoch, has stopped
 * getting better.
 *
 * @example
 * const stopping = new EarlyStopping({ patience: 5 });
 * while (!stopping.stopped) {
 *   trainOneEpoch();
 *   if (stopping.update(validationLoss())) await net.save('best.npz');
 * }
 */
export class EarlyStopping {
  static {
    guardMethods(this);
  }

  readonly #patience: number;
  readonly #sign: 1 | -1;
  readonly #minDelta: number;
  #best: number | undefined;
  #count = 0;
  #bestAt = 0;

  /** @throws TypeError or RangeError naming the option that is wrong. */
  constructor(options: EarlyStoppingOptions) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    if (options === undefined) throw wrongType('options', 'an object', options);
    const given = requireOptions('options', options, ['patience', 'mode', 'minDelta']);
    this.#patience = requirePositiveInteger('patience', given.patience);
    this.#minDelta = requireNonNegative('minDelta', orDefault(given.minDelta, 0));
    const { mode = 'min' } = given;
    if (mode !== 'min' && mode !== 'max') {
      const expected = "'min' or 'max'";
      throw typeof mode === 'string'
        ? wrongValue('mode', expected, quote(mode))
        : wrongType('mode', expected, mode);
    }
    this.#sign = mode === 'min' ? 1 : -1;
  }

  /** The best value so far; undefined before there is one. */
  get best(): number | undefined {
    return this.#best;
  }

  /** How many values there have been. */
  get count(): number {
    return this.#count;
  }

  /** How many values there have been since the best one. */
  get sinceBest(): number {
    return this.#count - this.#bestAt;
  }

  /** Whether `patience` values in a row have brought nothing. */
  get stopped(): boolean {
    return this.sinceBest >= this.#patience;
  }

  /**
   * Takes the next value. NaN, which a training that diverged gives, is never better.
   * @returns Whether it is the best so far.
   */
  update(value: number): boolean {
    if (typeof value !== 'number') throw wrongType('value', 'a number', value);
    this.#count++;
    if (!this.#isBetter(value)) return false;
    this.#best = value;
    this.#bestAt = this.#count;
    return true;
  }

  /** Adds `count.npy`, `best_at.npy` and `best.npy` (NaN before there is one) behind `prefix`. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    zip.number(`${prefix}count.npy`, this.#count);
    zip.number(`${prefix}best_at.npy`, this.#bestAt);
    // Infinite values, which have no place among numbers of a file, are what a first value may be.
    zip.numbers(`${prefix}best.npy`, [this.#best ?? NaN]);
  }

  /** Reads what `write` writes. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(async () => {
      const limits = {
        expected: 'a number of values',
        fits: (value: number) => Number.isSafeInteger(value) && value >= 0,
      };
      const count = await zip.number(`${prefix}count.npy`, limits);
      const bestAt = await zip.number(`${prefix}best_at.npy`, {
        expected: `a number of values up to ${count}`,
        fits: (value) => limits.fits(value) && value <= count,
      });
      const [best] = await zip.numbers(`${prefix}best.npy`, 1);
      zip.replace<readonly [number, number, number | undefined]>(
        () => [this.#count, this.#bestAt, this.#best],
        (values) => ([this.#count, this.#bestAt, this.#best] = values),
        [count, bestAt, Number.isNaN(best) ? undefined : best],
      );
    });
  }

  #isBetter(value: number): boolean {
    if (Number.isNaN(value)) return false;
    if (this.#best === undefined) return true;
    const gain = this.#sign * (this.#best - value);
    return this.#minDelta === 0 ? gain > 0 : gain >= this.#minDelta;
  }
}
