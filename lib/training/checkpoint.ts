import { describe, requireOptions, requireRecord, typeError, wrongType } from '../validation/errors.js';
import { memberName } from '../validation/quote.js';
import { type FileSource, readSource } from '../io/files/file-source.js';
import type { FilePath } from '../io/files/path.js';
import { setRequiresGradient } from '../core/tensor.js';
import { type CanUpdateWithGradients, readParameters } from '../module/module.js';
import { isFrozen } from '../nn/freeze.js';
import {
  checkpointPrefix,
  type LoadFromNpz,
  readNpz,
  requireMethod,
  saveNpz,
  type SaveToNpz,
} from '../io/npz/npz-files.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { ResumableOptimizer } from '../optim/optimizer-state.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import { callSync } from '../validation/synchronous.js';

/** A generator of random numbers whose state can be read and set. */
export interface ResumableGenerator {
  /** The complete state, as an array of numbers whose length never changes. */
  getState(): readonly number[];
  /** Restores a state from `getState`; throws for an array that is not a valid state. */
  setState(state: readonly number[]): void;
}

/** An object whose state belongs in a checkpoint: a `LearningRateScheduler`, an `EarlyStopping`, a `WeightAverage`, or your own. */
export interface Resumable extends SaveToNpz, LoadFromNpz {}

/** Everything that a checkpoint stores of a training run. */
export interface Training {
  /** Stored under the names that `model.save` uses, so `model.load` can read a checkpoint, too. */
  readonly model: CanUpdateWithGradients & SaveToNpz & LoadFromNpz;
  /** Stored with its state for each parameter of the model. */
  readonly optimizer?: ResumableOptimizer;
  /** Random number generators under names of your choice, for example those for shuffling and dropout. */
  readonly generators?: Readonly<Record<string, ResumableGenerator>>;
  /** Other objects with state under names of your choice, such as a `LearningRateScheduler`. */
  readonly parts?: Readonly<Record<string, Resumable>>;
  /** Numbers of your own, such as the epoch. Loading writes them into this object. */
  readonly progress?: Record<string, number>;
}

/**
 * Saves a training run. The save is atomic: a process that is killed midway leaves the previous file intact. A run
 * resumed from the checkpoint produces the same bits as one that was never interrupted.
 *
 * Entries: the model's, as `model.save` names them; if any tensor is frozen, `checkpoint.frozen.npy`, with 1 for each frozen
 * one of `model.parameters()` and 0 for the others; `checkpoint.optimizer.…` (see the optimizers'
 * `write`); `checkpoint.generator.NAME.npy`, float64; `checkpoint.part.NAME.…`;
 * `checkpoint.progress.NAME.npy`, one float64.
 *
 * @example
 * const training = { model, optimizer, generators: { shuffle }, progress: { epoch: 0 } };
 * await saveCheckpoint('run.npz', training);
 */
export async function saveCheckpoint(path: FilePath, training: Training): Promise<void> {
  if (arguments.length > 2) requireNoSurplus('saveCheckpoint', 2, arguments);
  const { model, optimizer, generators, parts, progress } = readTraining(training);
  await saveNpz(path, {
    write(zip) {
      callSync('write() of model', () => model.write(zip, ''));
      const flags = readParameters('model', model).map(([, tensor]) => Number(isFrozen(tensor)));
      if (flags.includes(1)) zip.numbers(names.frozen, flags);
      callSync('write() of optimizer', () => optimizer?.write(zip, names.optimizer, model));
      for (const [name, generator] of Object.entries(generators)) {
        zip.numbers(`${names.generator}${name}.npy`, stateOf(name, generator));
      }
      for (const [name, part] of Object.entries(parts)) {
        callSync(`write() of ${memberName('parts', name)}`, () => part.write(zip, `${names.part}${name}.`));
      }
      for (const [name, value] of Object.entries(progress)) {
        zip.numbers(`${names.progress}${name}.npy`, [value]);
      }
    },
  });
}

/**
 * Loads a checkpoint into a training run that was built the same way: its model, optimizer, generators, parts and
 * `progress` take over the saved state, including which tensors are frozen.
 * @param path A path, or the content of the archive: its bytes, a `Blob` or `File`, or what `fetch` returned.
 * @throws FileFormatError for a checkpoint of a different run, naming the first entry that is missing, unknown, or has a
 * different shape or optimizer setting. Nothing has changed then.
 */
export async function loadCheckpoint(path: FileSource, training: Training): Promise<void> {
  if (arguments.length > 2) requireNoSurplus('loadCheckpoint', 2, arguments);
  const source = readSource('path', path);
  const { model, optimizer, generators, parts, progress } = readTraining(training);
  requireWritable(progress);
  await readNpz(
    source,
    async (zip) => {
      await readGenerators(zip, generators);
      await model.read(zip, '');
      await readFrozen(zip, model);
      await optimizer?.read(zip, names.optimizer, model);
      for (const [name, part] of Object.entries(parts)) {
        await part.read(zip, `${names.part}${name}.`);
      }
      for (const name of Object.keys(progress)) {
        const [value] = await zip.numbers(`${names.progress}${name}.npy`, 1);
        zip.replace(
          () => progress[name],
          (number) => (progress[name] = number),
          value,
        );
      }
    },
    () => false,
  );
}

const names = {
  frozen: `${checkpointPrefix}frozen.npy`,
  optimizer: `${checkpointPrefix}optimizer.`,
  generator: `${checkpointPrefix}generator.`,
  part: `${checkpointPrefix}part.`,
  progress: `${checkpointPrefix}progress.`,
} as const;

/** Freezes the tensors that were frozen at the time of saving, and no others. */
async function readFrozen(zip: NpzReader, model: CanUpdateWithGradients): Promise<void> {
  const tensors = readParameters('model', model).map(([, tensor]) => tensor);
  const flags = zip.has(names.frozen) ? await zip.numbers(names.frozen, tensors.length) : [];
  for (const [i, tensor] of tensors.entries()) {
    zip.replace(
      () => isFrozen(tensor),
      (frozen) => setRequiresGradient(tensor, !frozen),
      flags[i] === 1,
    );
  }
}

async function readGenerators(
  zip: NpzReader,
  generators: Readonly<Record<string, ResumableGenerator>>,
): Promise<void> {
  for (const [name, generator] of Object.entries(generators)) {
    const { length } = stateOf(name, generator);
    zip.replace<readonly number[]>(
      // A copy, because a generator may return the array that it keeps using.
      () => [...generator.getState()],
      (state) => {
        callSync(`setState() of ${memberName('generators', name)}`, () => generator.setState(state));
      },
      await zip.numbers(`${names.generator}${name}.npy`, length),
    );
  }
}

function stateOf(name: string, generator: ResumableGenerator): readonly number[] {
  const state: unknown = generator.getState();
  if (!Array.isArray(state) || !state.every((value) => typeof value === 'number')) {
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      `Expected an array of numbers from ${memberName('generators', name)}.getState() but received ${describe(state)}`,
    );
  }
  return state;
}

export type WholeTraining = Required<Omit<Training, 'optimizer'>> & Pick<Training, 'optimizer'>;

export function readTraining(training: Training): WholeTraining {
  if (training === undefined) throw wrongType('training', 'an object', training);
  const fields = ['model', 'optimizer', 'generators', 'parts', 'progress'];
  const given = requireOptions('training', training, fields) as unknown as Training;
  const { model, optimizer, generators = {}, parts = {}, progress = {} } = given;
  requireMethods('model', model, ['write', 'read', 'update', 'parameters']);
  if (optimizer !== undefined) requireMethods('optimizer', optimizer, ['write', 'read']);
  requireNamed('generators', generators, ['getState', 'setState']);
  requireNamed('parts', parts, ['write', 'read']);
  requireRecord('progress', progress, 'an object with numbers');
  for (const [name, value] of Object.entries(progress)) {
    if (typeof value !== 'number') throw wrongType(memberName('progress', name), 'a number', value);
  }
  return { model, ...(optimizer === undefined ? {} : { optimizer }), generators, parts, progress };
}

/** @throws TypeError for a number that cannot be assigned, as in a frozen object. */
function requireWritable(progress: Readonly<Record<string, number>>): void {
  for (const name of Object.keys(progress)) {
    const property = Object.getOwnPropertyDescriptor(progress, name);
    if (property?.writable !== true && property?.set === undefined) {
      throw typeError(
        'ERR_BATCHNORM_TYPE',
        `Expected a property that can be written for ${memberName('progress', name)}, which loading sets, but received one that is read-only`,
      );
    }
  }
}

function requireNamed(argument: string, value: unknown, methods: readonly string[]): void {
  for (const [name, each] of Object.entries(
    requireRecord(argument, value, 'an object with names of your choice'),
  )) {
    requireMethods(memberName(argument, name), each, methods);
  }
}

function requireMethods(argument: string, value: unknown, methods: readonly string[]): void {
  for (const method of methods) requireMethod(argument, value, method);
}
