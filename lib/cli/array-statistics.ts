/** Number of values of one kind, and the index of the first in the order of the file. */
export interface Tally {
  readonly count: number;
  readonly first: number;
}

/** Statistics of an array's values. */
export interface ArrayStatistics {
  readonly count: number;
  /** Minimum of the finite values; null if there are none. Likewise for `max` and `mean`. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  readonly nan: Tally;
  readonly infinite: Tally;
  readonly negative: Tally;
  readonly zero: Tally;
  /** Nonzero, with a magnitude below `tinyBelow`. */
  readonly tiny: Tally;
  /** Finite as float64 but infinite as float32. */
  readonly tooLarge: Tally;
}

/** A scale below this silences its channel: scales begin at 1. */
export const tinyBelow = 1e-6;

class Counter implements Tally {
  count = 0;
  first = -1;

  add(index: number): void {
    if (this.count === 0) this.first = index;
    this.count++;
  }
}

/** Collects the statistics of an array that is given piece by piece. */
export class StatisticsCollector {
  #count = 0;
  #finite = 0;
  #min = Infinity;
  #max = -Infinity;
  #mean = 0;
  readonly #nan = new Counter();
  readonly #infinite = new Counter();
  readonly #negative = new Counter();
  readonly #zero = new Counter();
  readonly #tiny = new Counter();
  readonly #tooLarge = new Counter();

  result(): ArrayStatistics {
    const none = this.#finite === 0;
    return {
      count: this.#count,
      ...(none ? { min: null, max: null, mean: null } : { min: this.#min, max: this.#max, mean: this.#mean }),
      ...{ nan: this.#nan, infinite: this.#infinite, negative: this.#negative },
      ...{ zero: this.#zero, tiny: this.#tiny, tooLarge: this.#tooLarge },
    };
  }

  add(values: Float64Array | Float32Array): void {
    for (const value of values) this.#addValue(value, this.#count++);
  }

  #addValue(value: number, index: number): void {
    if (Number.isNaN(value)) {
      this.#nan.add(index);
      return;
    }
    if (value < 0) this.#negative.add(index);
    if (!Number.isFinite(value)) {
      this.#infinite.add(index);
      return;
    }
    if (value === 0) this.#zero.add(index);
    else if (Math.abs(value) < tinyBelow) this.#tiny.add(index);
    if (!Number.isFinite(Math.fround(value))) this.#tooLarge.add(index);
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    // Updated incrementally, because the sum of float64 values may overflow although the mean does not.
    this.#finite++;
    this.#mean += value / this.#finite - this.#mean / this.#finite;
  }
}
