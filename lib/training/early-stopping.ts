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
import { defineInspect } from '../printing/inspect.js';
import { refuseJson } from '../printing/refuse-json.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of a new `EarlyStopping`. */
export interface EarlyStoppingOptions {
  /** How many values in a row may fail to improve on the best one before training stops. */
  readonly patience: number;
  /** `'min'` if smaller values are better (a loss), `'max'` if larger ones are (an accuracy). Default `'min'`. */
  readonly mode?: 'min' | 'max';
  /** The smallest improvement over the best value that counts. Default 0: any improvement counts. */
  readonly minDelta?: number;
}

/**
 * Watches a value, such as the validation loss after each epoch, and reports when it has stopped improving.
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
    defineInspect<EarlyStopping>(this.prototype, function () {
      const settings = {
        patience: this.#patience,
        mode: this.#sign === 1 ? 'min' : 'max',
        minDelta: this.#minDelta,
      };
      const state = { best: this.#best, count: this.#count, sinceBest: this.sinceBest };
      const fields = Object.entries({ ...settings, ...state });
      return `EarlyStopping { ${fields.map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
    });
    refuseJson(this.prototype, 'the best value so far', 'saveCheckpoint() keeps it as one of the parts');
  }

  readonly #patience: number;
  readonly #sign: 1 | -1;
  readonly #minDelta: number;
  #best: number | undefined;
  #count = 0;
  #bestAt = 0;

  /** @throws TypeError or RangeError naming the wrong option. */
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

  /** The best value so far; undefined before the first. */
  get best(): number | undefined {
    return this.#best;
  }

  /** Number of values so far. */
  get count(): number {
    return this.#count;
  }

  /** Number of values since the best one. */
  get sinceBest(): number {
    return this.#count - this.#bestAt;
  }

  /** Whether the last `patience` values all failed to improve on the best one. */
  get stopped(): boolean {
    return this.sinceBest >= this.#patience;
  }

  /**
   * Records the next value. NaN, the result of a diverged training, never counts as better.
   * @returns Whether the value is the best so far.
   */
  update(value: number): boolean {
    if (typeof value !== 'number') throw wrongType('value', 'a number', value);
    this.#count++;
    if (!this.#isBetter(value)) return false;
    this.#best = value;
    this.#bestAt = this.#count;
    return true;
  }

  /** Adds `count.npy`, `best_at.npy` and `best.npy` (NaN before there is one) with `prefix` before each name. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    zip.number(`${prefix}count.npy`, this.#count);
    zip.number(`${prefix}best_at.npy`, this.#bestAt);
    // A first value may be infinite, which `zip.number` refuses to write.
    zip.numbers(`${prefix}best.npy`, [this.#best ?? NaN]);
  }

  /** Reads what `write` wrote. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.transaction(async () => {
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
