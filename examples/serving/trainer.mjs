// A training in a worker thread of this process.
import { Worker } from 'node:worker_threads';

export class Trainer {
  #path;
  #settings;
  #onCheckpoint;
  #worker;
  #ended = Promise.resolve();
  #progress = {};
  #error;

  /**
   * @param path Where the worker saves checkpoints, and goes on from one.
   * @param settings `images`: how many to train with; `checkpointSteps`: how many steps from one to the next.
   * @param onCheckpoint Called after each checkpoint.
   */
  constructor(path, settings, onCheckpoint) {
    this.#path = path;
    this.#settings = settings;
    this.#onCheckpoint = onCheckpoint;
  }

  get status() {
    const running = this.#worker !== undefined;
    return { running, ...this.#progress, ...(this.#error === undefined ? {} : { error: this.#error }) }; // prettier-ignore
  }

  /** Trains for so many epochs more. False where a training is under way. */
  start(epochs) {
    if (this.#worker !== undefined) return false;
    this.#progress = {};
    this.#error = undefined;
    const worker = new Worker(new URL('training-worker.mjs', import.meta.url), {
      workerData: { path: this.#path, epochs, ...this.#settings },
    });
    this.#worker = worker;
    worker.on('message', ({ type, ...progress }) => {
      this.#progress = progress;
      if (type === 'checkpoint') this.#onCheckpoint();
    });
    worker.on('error', (error) => {
      this.#error = error.message;
    });
    this.#ended = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#worker = undefined;
        resolve();
      });
    });
    return true;
  }

  /** Ends the training after its step; the last checkpoint stays. */
  async stop() {
    this.#worker?.postMessage('stop');
    await this.#ended;
  }

  /** When the training under way has ended. */
  get ended() {
    return this.#ended;
  }
}
