import type { BackwardOptions } from '../core/backward.js';
import type { Gradients } from '../core/gradients.js';
import type { ClassArray } from '../core/number-arrays.js';
import type { Shape } from '../core/shape.js';
import type { OwnedTape } from '../core/tape.js';
import type { Tensor0D } from '../core/tensor.js';
import { DataLoader } from '../data/data-loader.js';
import { type FilePath, readPath } from '../io/files/path.js';
import type { ResumableOptimizer } from '../optim/optimizer-state.js';
import { readTraining, type Training } from '../training/checkpoint.js';
import { type Parallel, parallelRun, type ParallelRun } from '../training/parallel.js';
import type { Scores } from '../training/scores.js';
import { fromPackage, requirePackage } from '../validation/construction.js';
import {
  orDefault,
  requireBoolean,
  requireOptions,
  requireRecord,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { guardMethods } from '../validation/guard-methods.js';
import { memberName } from '../validation/quote.js';
import { requireSame } from './exchange-text.js';
import type { Group } from './group.js';
import { loadOnAllRanks, saveOnRoot, shareInitialState } from './group-checkpoint.js';
import { GroupRun } from './group-run.js';
import { modelProperties } from './model-properties.js';
import { requireGroup } from './require-group.js';
import { shardLoader, type ShardedLoader } from './sharded-loader.js';
import { synchronize } from './synchronize.js';

/** Settings of a new `DataParallel`. */
export interface DataParallelOptions {
  /** The optimizer, whose state rank 0 passes to all ranks. */
  readonly optimizer?: ResumableOptimizer;
  /** Whether batch norm layers use the statistics of all ranks: see `synchronize`. Default true. */
  readonly synchronizeBatchNorm?: boolean;
}

/** A model that `DataParallel` trains: any module that can be saved and updated. */
export type ParallelModel = Training['model'];

/**
 * Trains one model on all ranks of a group, each with its part of every batch. Every rank has a copy of the model, computes
 * the gradients of its samples, and makes the same step with the sum of all gradients. The result is that of one process
 * with the whole batch, within the limits of float32; all ranks have the same bits.
 *
 * Every method is collective: all ranks call it in the same order.
 *
 * @example
 * const group = await connect();
 * const parallel = await DataParallel.create(model, group, { optimizer });
 * await fit(model, { data: parallel.shard(loader), loss, optimizer, epochs: 5, parallel });
 *
 * @example
 * for (const { x, labels, size } of parallel.shard(loader)) {
 *   const outputs = model.forwardMut(x.trace());
 *   const loss = size > 0 ? crossEntropyWithLogitsLoss(outputs, labels) : outputs.sum();
 *   optimizer.update(model, parallel.backward(loss, size));
 * }
 */
export class DataParallel implements Parallel {
  static {
    guardMethods(this);
  }

  /** The ranks. */
  readonly group: Group;
  /** This rank's copy of the model. */
  readonly model: ParallelModel;
  readonly #run: GroupRun;

  private constructor(key: typeof fromPackage, group: Group, model: ParallelModel) {
    requirePackage(key, 'DataParallel', 'DataParallel.create(model, group)');
    this.group = group;
    this.model = model;
    this.#run = new GroupRun(group, model);
  }

  /**
   * Compares the ranks, then copies the parameters, the running statistics and the state of the optimizer from rank 0 to all
   * others, in place, and synchronizes batch norm.
   *
   * @throws Error (`ERR_BATCHNORM_MISMATCH`) on every rank if they have different versions or backends of this package, a
   * different instruction set, or models with other names or shapes of parameters; it names both sides. Nothing has
   * changed then.
   */
  static async create(
    model: ParallelModel,
    group: Group,
    options?: DataParallelOptions,
  ): Promise<DataParallel> {
    const given = requireOptions('options', options, ['optimizer', 'synchronizeBatchNorm']);
    const synchronizes = requireBoolean('synchronizeBatchNorm', orDefault(given.synchronizeBatchNorm, true));
    requireGroup('group', group);
    const training = readTraining({
      model,
      ...(given.optimizer === undefined ? {} : { optimizer: given.optimizer as ResumableOptimizer }),
    });
    requireSame(group, modelProperties(model, training.optimizer));
    if (group.size > 1) {
      await shareInitialState(group, training);
      if (synchronizes) synchronize(model, group);
    }
    return new DataParallel(fromPackage, group, model);
  }

  /**
   * Divides each batch of a loader among the ranks; `batchSize` is that of all ranks together. Every rank needs a loader of
   * the same samples.
   * @throws Error (`ERR_BATCHNORM_MISMATCH`) on every rank if the loaders have different settings or numbers of samples.
   */
  shard<
    S extends Shape,
    B extends number,
    D extends boolean,
    L extends ClassArray | undefined,
    LS extends Shape | undefined,
  >(loader: DataLoader<S, B, D, L, LS>): ShardedLoader<S, L, LS> {
    if (!(loader instanceof DataLoader)) throw wrongType('loader', 'a DataLoader', loader);
    return shardLoader<S, L, LS>(this.group, loader);
  }

  /**
   * Computes the gradients of the mean loss over the samples of all ranks.
   *
   * Use it in place of the function `backward`: the losses are weighted before the backward pass, so that the gradients
   * that batch norm layers exchange have the right weights, too.
   *
   * @param loss The mean over this rank's samples; any value if there are none, but with the same layers in its graph.
   * @param samples Number of this rank's samples; may be 0.
   * @returns Gradients with the same bits on every rank, for `clipGradNorm` and an optimizer.
   * @throws RangeError for a negative or fractional number, or if no rank has samples; errors of `backward` and the group.
   */
  backward(loss: Tensor0D<OwnedTape>, samples: number, options?: Pick<BackwardOptions, 'keep'>): Gradients {
    const own = requireSamples(samples);
    requireOptions('options', options, ['keep']);
    const total = this.#run.totalOf(own);
    if (total === 0) throw wrongValue('samples', 'a positive number on at least one rank', '0 on every rank');
    return this.#run.backward(loss, own, total, options);
  }

  /**
   * Averages scores over the samples of all ranks, such as the loss and the accuracy of a batch or of an epoch.
   * @param scores Means over this rank's samples, under the same names on every rank; ignored if there are no samples.
   * @param samples Number of this rank's samples; may be 0.
   * @returns The means over the samples of all ranks; NaN if there are none.
   * @throws Error (`ERR_BATCHNORM_MISMATCH`) on every rank if the names or their order differ.
   */
  mean<K extends string>(scores: Scores<K>, samples: number): Scores<K> {
    const given = requireRecord('scores', scores, 'an object with numbers');
    for (const [name, score] of Object.entries(given)) {
      if (typeof score !== 'number') throw wrongType(memberName('scores', name), 'a number', score);
    }
    return this.#run.means(scores, requireSamples(samples)).scores;
  }

  /**
   * Saves a checkpoint of rank 0 with the states of the random number generators of all ranks. The promises of all ranks
   * settle when the file is complete; it can be loaded by a group of the same size.
   * @param path Used on rank 0 only.
   * @throws Errors of `saveCheckpoint` on rank 0; an Error with the same message on the other ranks.
   */
  async saveCheckpoint(path: FilePath, training: Training): Promise<void> {
    const file = readPath('path', path);
    await saveOnRoot(this.group, file, readTraining(training));
  }

  /**
   * Loads a checkpoint of `saveCheckpoint` on all ranks, which need not have access to the file of rank 0.
   * @throws On every rank if one of them fails: errors of `loadCheckpoint`.
   */
  async loadCheckpoint(path: FilePath, training: Training): Promise<void> {
    const file = readPath('path', path);
    await loadOnAllRanks(this.group, file, readTraining(training), false);
  }

  /** @internal */
  get [parallelRun](): ParallelRun {
    return this.#run;
  }
}

function requireSamples(samples: unknown): number {
  const expected = 'a number of samples, a non-negative integer,';
  if (typeof samples !== 'number') throw wrongType('samples', expected, samples);
  if (!Number.isSafeInteger(samples) || samples < 0) throw wrongValue('samples', expected, String(samples));
  return samples;
}
