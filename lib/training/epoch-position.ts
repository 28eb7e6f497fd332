import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import type { Resumable, ResumableGenerator } from './checkpoint.js';
import { MeanScores } from './scores.js';

/** A place between two steps of an epoch. */
export interface EpochPosition {
  /** The number of steps before it. */
  readonly step: number;
  /** The scores of these steps. */
  readonly means: MeanScores;
  /** The state of each generator before the epoch, from which its order of samples was drawn, on this rank. */
  readonly starts: GeneratorStates;
}

/** This process among those that write and read one position. */
export interface Member {
  readonly rank: number;
  readonly size: number;
}

const alone: Member = { rank: 0, size: 1 };

export type GeneratorStates = Readonly<Record<string, readonly number[]>>;
export type Generators = Readonly<Record<string, ResumableGenerator>>;

export function statesOf(generators: Generators): GeneratorStates {
  // Copies, because a generator may return the array that it keeps using.
  return Object.fromEntries(Object.entries(generators).map(([name, each]) => [name, [...each.getState()]]));
}

export function setStates(generators: Generators, states: GeneratorStates): void {
  for (const [name, generator] of Object.entries(generators)) generator.setState(states[name]);
}

/**
 * The position in a checkpoint, which has no such entries between two epochs. The file has the states of all ranks one after
 * the other, because each draws its own numbers; reading takes those of this rank.
 */
export class StoredPosition implements Resumable {
  position: EpochPosition | undefined;
  /** The `starts` of all ranks, which `write` stores instead of this rank's. */
  startsOfAllRanks: GeneratorStates | undefined;

  /** @param scoreNames The loss and the metrics. */
  constructor(
    private readonly generators: Generators,
    private readonly scoreNames: readonly string[],
    private readonly member: Member = alone,
  ) {}

  write(zip: NpzWriter, prefix: string): void {
    if (this.position === undefined) return;
    const { step, means, starts: own } = this.position;
    const starts = this.startsOfAllRanks ?? own;
    zip.number(`${prefix}step.npy`, step);
    zip.number(`${prefix}samples.npy`, means.samples);
    for (const name of this.scoreNames) zip.number(`${prefix}sum.${name}.npy`, means.sum(name));
    for (const [name, state] of Object.entries(starts)) zip.numbers(`${prefix}start.${name}.npy`, state);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    const position = zip.has(`${prefix}step.npy`) ? await this.#read(zip, prefix) : undefined;
    zip.replace(
      () => this.position,
      (value) => (this.position = value),
      position,
    );
  }

  async #read(zip: NpzReader, prefix: string): Promise<EpochPosition> {
    const count = (name: string) =>
      zip.number(`${prefix}${name}.npy`, {
        expected: 'a positive number of them',
        fits: (value) => Number.isSafeInteger(value) && value > 0,
      });
    const [step, samples] = [await count('step'), await count('samples')];
    const { rank, size } = this.member;
    const sums: Record<string, number> = {};
    for (const name of this.scoreNames) sums[name] = await zip.number(`${prefix}sum.${name}.npy`);
    const starts: Record<string, readonly number[]> = {};
    for (const [name, generator] of Object.entries(this.generators)) {
      const { length } = generator.getState();
      const all = await zip.numbers(`${prefix}start.${name}.npy`, length * size);
      starts[name] = all.slice(rank * length, (rank + 1) * length);
    }
    return { step, means: new MeanScores([], samples, sums), starts };
  }
}
