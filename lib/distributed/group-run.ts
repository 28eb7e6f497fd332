import { backward, type BackwardOptions } from '../core/backward.js';
import type { Gradients } from '../core/gradients.js';
import type { OwnedTape } from '../core/tape.js';
import type { Tensor0D } from '../core/tensor.js';
import { mul } from '../ops/arithmetic.js';
import type { Training } from '../training/checkpoint.js';
import type { GeneratorStates } from '../training/epoch-position.js';
import type { GroupScores, ParallelRun } from '../training/parallel.js';
import type { Scores } from '../training/scores.js';
import { plainError } from '../validation/errors.js';
import type { Group } from './group.js';
import { type Property, requireSame } from './exchange-text.js';
import { gatherStates, loadOnAllRanks, saveOnRoot } from './group-checkpoint.js';
import { hashText } from './hash-text.js';
import { GradientSum } from './sum-gradients.js';

/** The next action of a rank, as a number that ranks exchange. */
const next = { batch: 0, end: 1, abort: 2 } as const;

/** The calls of a training run on one rank. */
export class GroupRun implements ParallelRun {
  readonly #gradients: GradientSum;

  constructor(
    private readonly group: Group,
    readonly model: Training['model'],
  ) {
    this.#gradients = new GradientSum(group);
  }

  get rank(): number {
    return this.group.rank;
  }

  get size(): number {
    return this.group.size;
  }

  nextStep(samples: number | undefined, isAborted: boolean, lr = NaN): number | undefined {
    const own = isAborted ? next.abort : samples === undefined ? next.end : next.batch;
    const gathered = this.group.allGather(Float64Array.of(own, samples ?? 0, lr));
    const states: number[] = [];
    const rates: number[] = [];
    let total = 0;
    for (let rank = 0; rank < this.size; rank++) {
      states.push(gathered[3 * rank]);
      total += gathered[3 * rank + 1];
      rates.push(gathered[3 * rank + 2]);
    }
    const aborted = states.indexOf(next.abort);
    if (aborted >= 0) {
      // The aborted rank throws the reason of its signal.
      if (isAborted) return undefined;
      throw plainError('ERR_BATCHNORM_PEER', `Rank ${aborted} was stopped by its signal`);
    }
    const ended = states.indexOf(next.end);
    if (ended < 0) {
      const different = rates.findIndex((rate) => !Object.is(rate, rates[0]));
      if (different < 0) return total;
      throw plainError(
        'ERR_BATCHNORM_MISMATCH',
        `Expected the same learning rate on every rank, but rank 0 has ${rates[0]} and rank ${different} has ${rates[different]}`,
      );
    }
    const other = states.indexOf(next.batch);
    if (other < 0) return undefined;
    throw plainError(
      'ERR_BATCHNORM_MISMATCH',
      `Expected the same number of batches on every rank, but rank ${ended} has no more and rank ${other} has another one. DataParallel.shard divides a DataLoader equally`,
    );
  }

  /** The number of samples of all ranks together. */
  totalOf(samples: number): number {
    if (this.size === 1) return samples;
    return this.group.sum(Float64Array.of(samples))[0];
  }

  backward(
    loss: Tensor0D<OwnedTape>,
    samples: number,
    total: number,
    options?: Pick<BackwardOptions, 'keep'>,
  ): Gradients {
    if (this.size === 1) return backward(loss, options);
    const weighted = mul(loss, samples / total) as Tensor0D<OwnedTape>;
    return this.#gradients.run(this.model, weighted, options, samples === 0);
  }

  means(scores: Scores<string>, samples: number): GroupScores {
    const names = Object.keys(scores);
    const own = Float64Array.of(
      hashText(JSON.stringify(names)),
      samples,
      ...names.map((name) => (samples === 0 ? 0 : samples * scores[name])),
    );
    const gathered = this.group.allGather(own);
    const sums = new Float64Array(own.length);
    for (const [i, value] of gathered.entries()) sums[i % own.length] += value;
    for (let rank = 1; rank < this.size; rank++) {
      // Every rank finds this difference, and takes part in naming it.
      if (gathered[rank * own.length] !== gathered[0])
        this.requireSame([['names of scores', JSON.stringify(names)]]);
    }
    const [, total, ...sumsOfScores] = sums;
    const means = names.map((name, i) => [name, sumsOfScores[i] / total] as const);
    return { samples: total, scores: Object.freeze(Object.fromEntries(means)) };
  }

  requireSame(properties: readonly Property[]): void {
    requireSame(this.group, properties);
  }

  gatherStates(states: GeneratorStates): GeneratorStates {
    return gatherStates(this.group, states);
  }

  async saveCheckpoint(path: string, training: Training): Promise<void> {
    return saveOnRoot(this.group, path, training);
  }

  async loadCheckpointIfAny(path: string, training: Training): Promise<boolean> {
    return loadOnAllRanks(this.group, path, training, true);
  }
}
