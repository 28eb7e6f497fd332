import { setImmediate } from 'node:timers/promises';
import { backward, type Gradients, type OwnedTape, type Sgd, type Tensor0D } from 'batchnorm';
import { DataParallel, type Group } from 'batchnorm/distributed';
import type { trainingLoader } from './train.js';
import type { Classifier, ImageBatch } from './model.js';

/** A batch, or this rank's part of it. */
export interface Part extends Disposable {
  readonly x: ImageBatch;
  readonly labels: Uint8Array;
}

/** How one network is trained: by this process alone, or by all ranks together. */
export interface Trainer {
  /** The batches of an epoch. */
  epoch(skip: number): Iterable<Part>;
  /** The gradients of the mean loss over the whole batch, from the mean over this rank's part. */
  backward(loss: Tensor0D<OwnedTape>, samples: number): Gradients;
  /** The means over the whole batch. */
  mean<K extends string>(scores: Readonly<Record<K, number>>, samples: number): Readonly<Record<K, number>>;
}

/** The ranks of the group that trains, started by `--workers`, `mpirun` or `srun`. */
export class Ranks {
  /** Interrupts the training on all ranks, before the next step. */
  readonly interruption = new AbortController();

  /** @param group Missing for a process alone. */
  constructor(private readonly group?: Group) {}

  get size(): number {
    return this.group?.size ?? 1;
  }

  /** Whether this rank writes to the terminal and to files. */
  get isFirst(): boolean {
    return (this.group?.rank ?? 0) === 0;
  }

  /** Every rank calls it with the same network. */
  async trainer(network: Classifier, sgd: Sgd, loader: ReturnType<typeof trainingLoader>): Promise<Trainer> {
    if (this.group === undefined || this.size === 1) {
      return {
        epoch: (skip) => loader.epoch({ skip }),
        backward: (loss) => backward(loss),
        mean: (scores) => scores,
      };
    }
    const parallel = await DataParallel.create(network, this.group, { optimizer: sgd });
    const shard = parallel.shard(loader);
    return {
      epoch: (skip) => shard.epoch({ skip }),
      backward: (loss, samples) => parallel.backward(loss, samples),
      mean: (scores, samples) => parallel.mean(scores, samples),
    };
  }

  /**
   * Yields to Ctrl-C and the progress bar's timer.
   * @throws the signal's reason if it is aborted, on all ranks.
   */
  async pause(signal: AbortSignal): Promise<void> {
    await setImmediate();
    if (this.group !== undefined && this.size > 1) {
      const [aborted] = this.group.sum(Float64Array.of(Number(signal.aborted)));
      if (aborted > 0) this.interruption.abort();
    }
    signal.throwIfAborted();
  }

  /** Waits until all ranks are here. */
  async together(): Promise<void> {
    await this.group?.barrierAsync();
  }
}
