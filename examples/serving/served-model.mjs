// The weights that answer requests. They are replaced between two requests, never during one.
import { setMaxListeners } from 'node:events';
import { Batcher } from './batchnorm.mjs';
import { Busy } from './budget.mjs';
import { LIMITS } from './limits.mjs';
import { compileNetwork, load, PIXELS, probabilitiesOf, sampleOf } from './network.mjs';

export class ServedModel {
  #maxQueue;
  /** `{ plan, batcher, brightness, version, file }`; undefined before the first weights. */
  #current;
  #version = 0;
  /** Replaced ones with requests, and the end of each. */
  #retiring = new Map();
  /** Samples and batches of each size that replaced ones have computed. */
  #past = { samples: 0, batches: 0, batchSizes: [] };
  /** The last requested reload, and the one that has not begun. */
  #last = Promise.resolve();
  #waiting;

  constructor({ waitingImages } = LIMITS) {
    this.#maxQueue = waitingImages;
  }

  /** Number of times that weights were loaded; 0 if there are none. */
  get version() {
    return this.#current?.version ?? 0;
  }

  /** Path of the checkpoint of the current weights; undefined if there are none. */
  get file() {
    return this.#current?.file;
  }

  /** Bytes of the current plan: intermediate results and weights; undefined if there is none. */
  get memory() {
    return this.#current?.plan.memory;
  }

  /** Images that wait and that are computed; since the start, images, batches, and how many batches had i images, at index
   * i; percentiles of the milliseconds from an image's arrival in the queue to its result, with the current weights. */
  get statistics() {
    const sum = { queueLength: 0, running: 0, ...this.#past, batchSizes: [...this.#past.batchSizes] };
    for (const { batcher } of this.#live()) add(sum, batcher.statistics);
    return { ...sum, latency: this.#current?.batcher.statistics.latency };
  }

  /**
   * Loads a file's weights and compiles them to a new plan, which then replaces the current one. Rejects and keeps the
   * current one if the file is damaged, missing or of another network. Calls during a reload share the next one, since the
   * file may have changed.
   */
  reload(file) {
    if (this.#waiting?.file !== file) {
      const waiting = { file };
      waiting.promise = this.#last
        .catch(() => undefined)
        .then(() => {
          if (this.#waiting === waiting) this.#waiting = undefined;
          return this.#load(file);
        });
      this.#waiting = waiting;
      this.#last = waiting.promise;
    }
    return this.#waiting.promise;
  }

  async #load(file) {
    const { network, brightness } = await load(file);
    // `plan.update(network)` would do if every request were one image: those of a larger one could get different weights.
    const plan = compileNetwork(network);
    // A trial pass, since a network that cannot compute must not replace the current one.
    const trial = sampleOf(new Uint8Array(PIXELS), brightness);
    plan.runSync(trial.reshape([1, ...trial.shape])).dispose();
    // Without a delay: images that arrive together are computed together, and so are those that arrive during a batch.
    const batcher = new Batcher(plan, { maxDelay: 0, maxQueue: this.#maxQueue });
    this.#retire();
    this.#version++;
    this.#current = { plan, batcher, brightness, version: this.#version, file };
    return this.#version;
  }

  /**
   * Computes `count` images, all with the same weights.
   * @param client An AbortController that stops the computation, as when the client has left; aborted by a failure too.
   * @returns The version of the weights, and the probabilities of each image.
   * @throws Busy if too many images wait; the reason with which the controller was aborted.
   */
  async infer(pixels, count, client = new AbortController()) {
    const { batcher, brightness, version } = this.#current;
    const { signal } = client;
    // Two for each image: more than Node expects.
    setMaxListeners(0, signal);
    try {
      const results = await Promise.all(
        Array.from({ length: count }, async (_, i) => {
          const sample = sampleOf(pixels.subarray(i * PIXELS, (i + 1) * PIXELS), brightness);
          return probabilitiesOf(await batcher.run(sample, { signal }));
        }),
      );
      return { version, probabilities: results };
    } catch (error) {
      // The other images of a refused request need not be computed.
      client.abort(error);
      if (error.code !== 'ERR_BATCHNORM_QUEUE_FULL') throw error;
      throw new Busy(`Expected at most ${this.#maxQueue} waiting images but there are more: try again`);
    }
  }

  /** Waits for all requests and releases the memory. */
  async close() {
    this.#retire();
    this.#current = undefined;
    await Promise.all(this.#retiring.values());
  }

  /** Lets the current weights finish their requests; then releases their memory. */
  #retire() {
    const old = this.#current;
    if (old === undefined) return;
    const end = async () => {
      await old.batcher.dispose();
      add(this.#past, old.batcher.statistics);
      this.#retiring.delete(old);
      await old.plan.dispose();
    };
    this.#retiring.set(old, end());
  }

  #live() {
    return this.#current === undefined ? this.#retiring.keys() : [this.#current, ...this.#retiring.keys()];
  }
}

/** Adds the counts of a batcher's statistics to those of a sum. */
function add(sum, statistics) {
  for (const name of ['queueLength', 'running', 'samples', 'batches']) {
    if (name in sum) sum[name] += statistics[name];
  }
  statistics.batchSizes.forEach((count, size) => {
    sum.batchSizes[size] = (sum.batchSizes[size] ?? 0) + count;
  });
}
