/** How many latencies are kept. */
const kept = 1024;

/** Percentiles of the latest latencies, in milliseconds; NaN before the first one. */
export interface LatencyPercentiles {
  /** The median. */
  readonly p50: number;
  /** 90 % of the calls took no longer. */
  readonly p90: number;
  /** 99 % of the calls took no longer. */
  readonly p99: number;
  /** The longest. */
  readonly max: number;
}

/** Keeps the latest latencies. */
export class Latencies {
  readonly #values = new Float64Array(kept);
  #count = 0;

  add(milliseconds: number): void {
    this.#values[this.#count++ % kept] = milliseconds;
  }

  percentiles(): LatencyPercentiles {
    const sorted = this.#values.slice(0, this.#count).sort();
    // The smallest latency that at least this fraction does not exceed.
    const at = (fraction: number) => sorted.at(Math.max(0, Math.ceil(fraction * sorted.length) - 1)) ?? NaN;
    return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
  }
}
