// A training run in a worker thread of this process.
import { Worker } from 'node:worker_threads';
import { Curve } from './curve.mjs';

export class Trainer {
  /** Of the current or the last training run. */
  curve = new Curve();
  #settings;
  #served;
  #onCheckpoint;
  #worker;
  #ended = Promise.resolve();
  #progress = {};
  #error;

  /**
   * @param settings `file`: path of the checkpoints; `images`: number of training images; `checkpointSteps`: steps between
   * checkpoints.
   * @param served Returns the file with whose weights a training run begins; undefined for new weights.
   * @param onCheckpoint Called after each checkpoint.
   */
  constructor(settings, served, onCheckpoint) {
    this.#settings = settings;
    this.#served = served;
    this.#onCheckpoint = onCheckpoint;
  }

  get status() {
    const running = this.#worker !== undefined;
    return { running, ...this.#progress, ...(this.#error === undefined ? {} : { error: this.#error }) };
  }

  /** Trains for the given number of epochs. Returns false if one is already running. */
  start(epochs) {
    if (this.#worker !== undefined) return false;
    this.#progress = {};
    this.#error = undefined;
    this.curve.clear();
    const worker = new Worker(new URL('training-worker.mjs', import.meta.url), {
      workerData: { ...this.#settings, from: this.#served(), epochs },
    });
    this.#worker = worker;
    worker.on('message', ({ type, ...progress }) => {
      this.#progress = progress;
      this.curve.add(progress.steps, progress.loss, progress.accuracy);
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

  /** Ends the training after its current step; the last checkpoint remains. */
  async stop() {
    this.#worker?.postMessage('stop');
    await this.#ended;
  }
}
