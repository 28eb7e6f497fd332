import type { Gradients } from '../core/gradients.js';
import type { OwnedTape } from '../core/tape.js';
import type { Tensor0D } from '../core/tensor.js';
import { typeError, wrongType } from '../validation/errors.js';
import type { Training } from './checkpoint.js';
import type { GeneratorStates } from './epoch-position.js';
import type { Scores } from './scores.js';

/** Key of the members of a `DataParallel` that `fit` and `evaluate` call. */
export const parallelRun: unique symbol = Symbol('parallelRun');

/** A `DataParallel` of `batchnorm/distributed`, whose ranks train one model together. */
export interface Parallel {
  /** The ranks. */
  readonly group: { readonly rank: number; readonly size: number };
  /** This rank's copy of the model. */
  readonly model: object;
  /** @internal */
  readonly [parallelRun]: ParallelRun;
}

/** Scores of the samples of all ranks. */
export interface GroupScores {
  /** Number of samples of all ranks together. */
  readonly samples: number;
  readonly scores: Scores<string>;
}

/** The calls of a training run that involve all ranks. */
export interface ParallelRun {
  readonly model: object;
  readonly rank: number;
  readonly size: number;
  /**
   * Compares what the ranks do next.
   * @param samples Number of samples of this rank's batch; undefined if it has no other batch.
   * @param lr The learning rate of the step, if there is one.
   * @returns The number of samples of all ranks together, or undefined if no rank has a batch.
   * @throws Error on every rank if only some have a batch, if a signal stops one of them, or if their
   * learning rates differ.
   */
  nextStep(samples: number | undefined, isAborted: boolean, lr?: number): number | undefined;
  /** The gradients of the mean loss over the `total` samples of all ranks, from that of `samples` own ones. */
  backward(loss: Tensor0D<OwnedTape>, samples: number, total: number): Gradients;
  /** The means of scores over the samples of all ranks, from those of `samples` own ones. */
  means(scores: Scores<string>, samples: number): GroupScores;
  /**
   * Compares properties of all ranks, given as names and texts.
   * @throws Error on every rank, naming the first difference.
   */
  requireSame(properties: readonly (readonly [name: string, value: string])[]): void;
  /** The states of generators on all ranks: for each, that of rank 0, then that of rank 1, and so on. */
  gatherStates(states: GeneratorStates): GeneratorStates;
  /** Rank 0 saves; all ranks wait. */
  saveCheckpoint(path: string, training: Training): Promise<void>;
  /** All ranks load the file of rank 0. @returns Whether it exists. */
  loadCheckpointIfAny(path: string, training: Training): Promise<boolean>;
}

/** The run of a `DataParallel` of this model; undefined for a group of one, which trains as without a group. */
export function readParallel(parallel: unknown, model: unknown): ParallelRun | undefined {
  if (parallel === undefined) return undefined;
  const candidate: Partial<Parallel> | null = parallel;
  const run = candidate?.[parallelRun];
  if (run === undefined) throw wrongType('parallel', 'a DataParallel', parallel);
  if (run.model !== model) {
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      'Expected a DataParallel of model for parallel but received one of another model',
    );
  }
  return run.size === 1 ? undefined : run;
}
