import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  loadCheckpoint,
  type ResumableGenerator,
  saveCheckpoint,
  type Training,
} from '../training/checkpoint.js';
import { type Generators, type GeneratorStates, statesOf } from '../training/epoch-position.js';
import { withFileOfRoot } from './broadcast-file.js';
import { together } from './exchange-text.js';
import type { Group } from './group.js';

/** Rank 0 saves a checkpoint with the states of the generators of all ranks; the others wait for it. */
export async function saveOnRoot(group: Group, path: string, training: Training): Promise<void> {
  const generators = generatorsOfAllRanks(group, training.generators ?? {});
  await together(group, `saving ${path}`, async () => {
    if (group.rank === 0) await saveCheckpoint(path, { ...training, generators });
  });
}

/**
 * Loads a checkpoint of rank 0 on all ranks.
 * @param ifAny Whether a missing file is no error.
 * @returns Whether rank 0 has the file.
 */
export async function loadOnAllRanks(
  group: Group,
  path: string,
  training: Training,
  ifAny: boolean,
): Promise<boolean> {
  if (ifAny) {
    const [exists] = group.broadcast(Float64Array.of(group.rank === 0 && existsSync(path) ? 1 : 0));
    if (exists === 0) return false;
  }
  const generators = generatorsOfThisRank(group, training.generators ?? {});
  await withFileOfRoot(group, path, (file) => loadCheckpoint(file, { ...training, generators }));
  return true;
}

/** Copies the model and the optimizer of rank 0 to all others, by a temporary checkpoint. */
export async function shareInitialState(group: Group, training: Training): Promise<void> {
  const what = 'saving the initial state to a temporary folder';
  const folder = await together(group, what, async () => {
    if (group.rank !== 0) return undefined;
    const temporary = await mkdtemp(join(tmpdir(), 'batchnorm-'));
    await saveCheckpoint(join(temporary, 'initial-state.npz'), training);
    return temporary;
  });
  try {
    await withFileOfRoot(group, join(folder ?? tmpdir(), 'initial-state.npz'), async (file) => {
      if (group.rank !== 0) await loadCheckpoint(file, training);
    });
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The generators of all ranks: the state of a generator in the file is that of rank 0, then that of rank 1, and so on, since
 * the ranks may draw different numbers, for example for dropout. Each rank restores its own.
 */
function generatorsOfAllRanks(group: Group, generators: Generators): Generators {
  const states = gatherStates(group, statesOf(generators));
  return mapGenerators(generators, (generator, name) => rankGenerator(group, generator, () => states[name]));
}

/** The states of all ranks, one after the other. */
export function gatherStates(group: Group, states: GeneratorStates): GeneratorStates {
  return Object.fromEntries(
    Object.entries(states).map(([name, own]) => [name, Array.from(group.allGather(Float64Array.from(own)))]),
  );
}

/** The generators for loading what `generatorsOfAllRanks` saved. */
function generatorsOfThisRank(group: Group, generators: Generators): Generators {
  return mapGenerators(generators, (generator) => {
    // Loading needs the length of the states, and takes this rank's part to undo a failure.
    const repeated = () => Array.from({ length: group.size }, () => [...generator.getState()]).flat();
    return rankGenerator(group, generator, repeated);
  });
}

function mapGenerators(
  generators: Generators,
  map: (generator: ResumableGenerator, name: string) => ResumableGenerator,
): Generators {
  return Object.fromEntries(
    Object.entries(generators).map(([name, generator]) => [name, map(generator, name)]),
  );
}

function rankGenerator(
  { rank, size }: Group,
  generator: ResumableGenerator,
  getState: () => readonly number[],
): ResumableGenerator {
  return {
    getState,
    setState(states) {
      const length = states.length / size;
      generator.setState(states.slice(rank * length, (rank + 1) * length));
    },
  };
}
