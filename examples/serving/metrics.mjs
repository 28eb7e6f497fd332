// Counts and latencies since the start, for people as JSON and for Prometheus.
import { createHistogram } from 'node:perf_hooks';
import { Counter, Gauge, Registry, Summary } from 'prom-client';

const NANOSECONDS = 1e6;

export class Metrics {
  /** Of prom-client; `register.metrics()` is the text that Prometheus reads. */
  register = new Registry();
  /** From a request's arrival to its answer, in nanoseconds. */
  #latency = createHistogram();
  #requests = 0;
  #errors = 0;
  #reloads = 0;
  #failedReloads = 0;
  #answers;
  #seconds;
  #reloadCounter;

  constructor() {
    const registers = [this.register];
    this.#answers = new Counter({
      name: 'predict_requests_total',
      help: 'Answers of POST /predict by status',
      labelNames: ['status'],
      registers,
    });
    this.#seconds = new Summary({
      name: 'predict_duration_seconds',
      help: 'Seconds from the arrival of a POST /predict to its answer, over the last minute',
      percentiles: [0.5, 0.9, 0.99],
      maxAgeSeconds: 60,
      ageBuckets: 6,
      registers,
    });
    this.#reloadCounter = new Counter({
      name: 'reloads_total',
      help: 'Reloads of weights by result',
      labelNames: ['result'],
      registers,
    });
  }

  countRequest(milliseconds, statusCode) {
    this.#requests++;
    if (statusCode >= 400) this.#errors++;
    this.#latency.record(Math.max(1, Math.round(milliseconds * NANOSECONDS)));
    this.#answers.inc({ status: statusCode });
    this.#seconds.observe(milliseconds / 1000);
  }

  countReload(succeeded) {
    if (succeeded) this.#reloads++;
    else this.#failedReloads++;
    this.#reloadCounter.inc({ result: succeeded ? 'succeeded' : 'failed' });
  }

  /**
   * Exports the state of the parts of the server, read whenever Prometheus asks.
   * @param model A ServedModel.
   * @param gauges Functions that return a number, by name and description.
   */
  observe(model, gauges) {
    const registers = [this.register];
    for (const [name, [help, read]] of Object.entries(gauges)) {
      new Gauge({ name, help, registers, collect: setTo(read) });
    }
    new Gauge({
      name: 'queue_length',
      help: 'Images that wait for a batch',
      registers,
      collect: setTo(() => model.statistics.queueLength),
    });
    new Gauge({
      name: 'queue_latency_seconds',
      help: 'Seconds from the arrival of an image in the queue to its result, of the latest images',
      labelNames: ['quantile'],
      registers,
      collect() {
        const { p50, p90, p99 } = model.statistics.latency ?? {};
        for (const [quantile, value] of Object.entries({ 0.5: p50, 0.9: p90, 0.99: p99 })) {
          if (value !== undefined) this.set({ quantile }, value / 1000);
        }
      },
    });
    new Counter({
      name: 'batches_total',
      help: 'Computed batches by number of images',
      labelNames: ['size'],
      registers,
      collect() {
        this.reset();
        for (const [size, count] of model.statistics.batchSizes.entries()) {
          if (count > 0) this.inc({ size }, count);
        }
      },
    });
    new Counter({
      name: 'images_total',
      help: 'Computed images',
      registers,
      collect() {
        this.reset();
        this.inc(model.statistics.samples);
      },
    });
  }

  /** Milliseconds. */
  get report() {
    const latency = this.#latency;
    const at = (percentile) => (latency.count === 0 ? 0 : latency.percentile(percentile) / NANOSECONDS);
    return {
      requests: this.#requests,
      errors: this.#errors,
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

function setTo(read) {
  return function collect() {
    this.set(read());
  };
}
