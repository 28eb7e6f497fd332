// Counts and latencies since the start.
import { createHistogram } from 'node:perf_hooks';

const NANOSECONDS = 1e6;

export class Metrics {
  /** From a request's arrival to its answer, in nanoseconds. */
  #latency = createHistogram();
  #requests = 0;
  #errors = 0;
  #images = 0;
  #batches = 0;
  #reloads = 0;
  #failedReloads = 0;

  countRequest(milliseconds, statusCode) {
    this.#requests++;
    if (statusCode >= 400) this.#errors++;
    this.#latency.record(Math.max(1, Math.round(milliseconds * NANOSECONDS)));
  }

  countBatch(images) {
    this.#batches++;
    this.#images += images;
  }

  countReload(succeeded) {
    if (succeeded) this.#reloads++;
    else this.#failedReloads++;
  }

  /** Milliseconds. */
  get report() {
    const latency = this.#latency;
    const at = (percentile) => (latency.count === 0 ? 0 : latency.percentile(percentile) / NANOSECONDS);
    return {
      requests: this.#requests,
      errors: this.#errors,
      images: this.#images,
      imagesPerPass: this.#batches === 0 ? 0 : this.#images / this.#batches,
      reloads: this.#reloads,
      failedReloads: this.#failedReloads,
      latency: {
        p50: at(50),
        p90: at(90),
        'p97.5': at(97.5),
        p99: at(99),
        max: latency.count === 0 ? 0 : latency.max / NANOSECONDS,
      },
    };
  }
}
