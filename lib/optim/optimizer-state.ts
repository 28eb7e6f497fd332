import { FileFormatError } from '../io/files/file-format-error.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { defineInspect } from '../printing/inspect.js';
import { quote } from '../validation/quote.js';
import { refuseJson } from '../printing/refuse-json.js';
import type { Shape } from '../core/shape.js';
import type { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { isFrozen } from '../nn/freeze.js';
import { trainableParameters } from '../nn/trainable.js';
import { nameOf, requireModule } from './optimizer.js';
import type { ParameterGroups, StepSettings } from './parameter-groups.js';
import type { ParameterMemory } from './parameter-memory.js';

/** An optimizer whose state a checkpoint can store: those of the package, and any with these methods. */
export interface ResumableOptimizer {
  /** Writes the state under names that begin with `prefix`. */
  write(zip: NpzWriter, prefix: string, module: CanUpdateWithGradients): void;
  /** Reads what `write` wrote, for the same module. Changes go through `zip.change`, which applies all of them or none. */
  read(zip: NpzReader, prefix: string, module: CanUpdateWithGradients): Promise<void>;
}

/** The state of one of the package's optimizers, and the names of its entries in a file. */
export interface OptimizerState {
  /** Class name such as `Sgd`. In lower case it begins every entry name. */
  readonly kind: string;
  /** Constructor settings. A file with different settings is refused, because later steps would differ. */
  readonly settings: StepSettings;
  readonly groups: ParameterGroups<StepSettings>;
  /** Values that change from step to step. */
  readonly counters: Readonly<Record<string, Counter>>;
  readonly memory: ParameterMemory;
  /** Name of each array that is kept per parameter. */
  readonly memoryNames: readonly string[];
}

export interface Counter {
  /** As it is now. */
  readonly value: number;
  readonly expected: string;
  readonly fits: (value: number) => boolean;
  readonly set: (value: number) => void;
}

/** The current learning rate, which a schedule may have changed. */
export function learningRateCounter(optimizer: { lr: number }): Counter {
  return {
    value: optimizer.lr,
    expected: 'a non-negative finite number',
    fits: (value) => value >= 0 && Number.isFinite(value),
    set: (value) => (optimizer.lr = value),
  };
}

/** Makes `util.inspect` show an optimizer's settings, and `JSON.stringify` throw because it would lose the state. */
export function printOptimizer<T extends object>(
  prototype: T,
  stateOf: (optimizer: T) => OptimizerState,
): void {
  defineInspect(prototype, function (this: T) {
    const { kind, counters, settings, groups } = stateOf(this);
    const values = Object.entries(counters).map(([name, { value }]) => [name, value] as const);
    const count = groups.groups.length;
    const fields = [...values, ...Object.entries(settings), ...(count === 0 ? [] : [['groups', count]])];
    return `${kind} { ${fields.map(([name, value]) => `${name}: ${value}`).join(', ')} }`;
  });
  refuseJson(prototype, "an optimizer's state", 'saveCheckpoint() keeps it');
}

/** `sgd.lr.npy`, `sgd.momentum.npy` and the like, and for each parameter `sgd.velocity.NAME.npy`. */
export function writeState(
  zip: NpzWriter,
  prefix: string,
  module: CanUpdateWithGradients,
  state: OptimizerState,
): void {
  requireWriter(zip, prefix);
  requireModule(module);
  const start = `${prefix}${state.kind.toLowerCase()}.`;
  const groups = groupIndices(module, state);
  for (const [name, { value }] of Object.entries(state.counters)) {
    zip.number(`${start}${name}.npy`, value);
  }
  for (const [name, value] of allSettings(state)) zip.number(`${start}${name}.npy`, Number(value));
  if (groups.length > 0) zip.numbers(`${start}groups.npy`, groups);
  const remembered = rememberedParameters(module, state);
  // Frozen parameters that were never updated have no state, which for a large backbone would be as large as two of it.
  const isFresh = (parameter: Tensor<Shape>): boolean =>
    isFrozen(parameter) && state.memory.existing(storageOf(parameter)) === undefined;
  const fresh = remembered.map(isFresh);
  if (fresh.includes(true)) zip.numbers(`${start}fresh.npy`, fresh.map(Number));
  for (const parameter of remembered.filter((_, i) => !fresh[i])) {
    for (const [name, tensor] of memoryTensors(module, parameter, state)) {
      zip.tensor(`${start}${name}.npy`, tensor);
    }
  }
}

export async function readState(
  zip: NpzReader,
  prefix: string,
  module: CanUpdateWithGradients,
  state: OptimizerState,
): Promise<void> {
  requireReader(zip, prefix);
  requireModule(module);
  const start = `${prefix}${state.kind.toLowerCase()}.`;
  requireKind(zip, prefix, start, state.kind);
  await zip.transaction(async () => {
    for (const [name, counter] of Object.entries(state.counters)) {
      const value = await zip.number(`${start}${name}.npy`, counter);
      zip.replace(() => counter.value, counter.set, value);
    }
    for (const [name, own] of allSettings(state)) {
      await zip.number(`${start}${name}.npy`, {
        expected: `the ${name} that ${state.kind} was made with, ${own},`,
        fits: (value) => value === Number(own),
      });
    }
    await requireGroups(zip, `${start}groups.npy`, module, state);
    const remembered = rememberedParameters(module, state);
    const entry = `${start}fresh.npy`;
    const fresh = zip.has(entry) ? await zip.numbers(entry, remembered.length) : [];
    for (const [i, parameter] of remembered.entries()) {
      if (fresh[i] === 1) {
        const storage = storageOf(parameter);
        const set = (before: readonly Storage[] | undefined) => state.memory.replace(storage, before);
        zip.replace(() => state.memory.existing(storage), set, undefined);
        continue;
      }
      for (const [name, tensor] of memoryTensors(module, parameter, state)) {
        await zip.tensor(`${start}${name}.npy`, tensor);
      }
    }
  });
}

/** The settings outside the groups, then those of each group. */
function allSettings({ settings, groups }: OptimizerState): readonly (readonly [string, number | boolean])[] {
  return [
    ...Object.entries(settings),
    ...groups.groups.flatMap(({ lrFactor, freeze, settings: own }, i) =>
      Object.entries({ lr_factor: lrFactor, freeze, ...own }).map(
        ([name, value]) => [`groups.${i}.${name}`, value] as const,
      ),
    ),
  ];
}

/** The group of each parameter, in the order of `trainableParameters`; -1 outside all groups. Empty without groups. */
function groupIndices(module: CanUpdateWithGradients, { groups }: OptimizerState): readonly number[] {
  if (groups.groups.length === 0) return [];
  return groups.indicesOf(module, trainableParameters(module));
}

/** Refuses a file whose patterns selected other parameters. */
async function requireGroups(
  zip: NpzReader,
  entry: string,
  module: CanUpdateWithGradients,
  state: OptimizerState,
): Promise<void> {
  const own = groupIndices(module, state);
  if (own.length === 0) return;
  const found = await zip.numbers(entry, own.length);
  const i = own.findIndex((group, at) => group !== found[at]);
  if (i < 0) return;
  const name = nameOf(trainableParameters(module)[i], module);
  const [expected, other] = [own[i], found[i]].map((group) => (group < 0 ? 'no group' : `groups[${group}]`));
  throw new FileFormatError(zip.path, `the parameter ${name} in ${expected}`, `it in ${other}`, entry);
}

/** The parameters for which the optimizer keeps arrays: those outside frozen groups. */
function rememberedParameters(
  module: CanUpdateWithGradients,
  { groups, memoryNames }: OptimizerState,
): readonly Tensor<Shape>[] {
  if (memoryNames.length === 0) return [];
  return groups.trained(module, trainableParameters(module));
}

/** The state arrays of a parameter, as tensors over the same memory. */
function memoryTensors(
  module: CanUpdateWithGradients,
  parameter: Tensor<Shape>,
  { memory, memoryNames }: OptimizerState,
): readonly (readonly [name: string, tensor: Tensor<Shape>])[] {
  const name = nameOf(parameter, module);
  return memory.of(storageOf(parameter)).map((storage, i) => {
    const tensor = createTensor<Shape, NoneTape>(parameter.shape, storage.retain(), undefined);
    return [`${memoryNames[i]}.${name}`, tensor];
  });
}

function requireKind(zip: NpzReader, prefix: string, start: string, kind: string): void {
  if (zip.names.some((name) => name.startsWith(start))) return;
  const other = zip.names.find((name) => name.startsWith(prefix));
  const found = other === undefined ? 'none' : `that of another: ${quote(other)}`;
  throw new FileFormatError(zip.path, `the state of an optimizer ${kind}`, found);
}
