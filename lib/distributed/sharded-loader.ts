import { fromPackage, requirePackage } from '../validation/construction.js';
import type { Shape } from '../core/shape.js';
import type { ClassArray } from '../core/number-arrays.js';
import {
  type AnyLoader,
  type DataLoader,
  type EpochOptions,
  type LoadedBatch,
  loaderSettings,
  shardedEpoch,
} from '../data/data-loader.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireSame } from './exchange-text.js';
import type { Group } from './group.js';

/** Makes a loader for the samples of one rank. Internal. */
export let shardLoader: <S extends Shape, L extends ClassArray | undefined, LS extends Shape | undefined>(
  group: Group,
  loader: DataLoader<S, number, boolean, L, LS>,
) => ShardedLoader<S, L, LS>;

/**
 * The batches of a `DataLoader`, each divided among the ranks of a group: of a batch of 64, each of 4 ranks computes 16
 * consecutive samples. If a batch cannot be divided equally, the first ranks get one sample more; with fewer samples than
 * ranks, the batches of the last ranks are empty. All ranks use the order that rank 0 draws. Made by
 * `DataParallel.shard`.
 */
export class ShardedLoader<S extends Shape, L extends ClassArray | undefined, LS extends Shape | undefined> {
  static {
    guardMethods(this);
    shardLoader = (group, loader) => new ShardedLoader(fromPackage, group, loader);
  }

  readonly #group: Group;
  readonly #loader: DataLoader<S, number, boolean, L, LS>;

  private constructor(key: typeof fromPackage, group: Group, loader: DataLoader<S, number, boolean, L, LS>) {
    requirePackage(key, 'ShardedLoader', 'DataParallel.shard(loader)');
    requireSame(
      group,
      loaderSettings(loader as unknown as AnyLoader).map(([name, value]) => [`${name} of loader`, value]),
    );
    this.#group = group;
    this.#loader = loader;
  }

  /** Number of batches in an epoch, the same on every rank. */
  get length(): number {
    return this.#loader.length;
  }

  /** Number of samples of all ranks together. */
  get samples(): number {
    return this.#loader.samples;
  }

  /** Samples in a full batch of all ranks together. */
  get batchSize(): number {
    return this.#loader.batchSize;
  }

  /** This rank's part of the batches of one epoch. */
  [Symbol.iterator](): Generator<LoadedBatch<S, number, false, L, LS>, void, undefined> {
    return this.epoch();
  }

  /** The same, optionally from the middle of the epoch: see `DataLoader.epoch`. */
  epoch(options?: EpochOptions): Generator<LoadedBatch<S, number, false, L, LS>, void, undefined> {
    const group = this.#group;
    const { rank, size } = group;
    const agree = (order: Uint32Array): void => {
      order.set(group.broadcast(Float64Array.from(order)));
    };
    return shardedEpoch(this.#loader, { rank, size, agree }, options);
  }
}
