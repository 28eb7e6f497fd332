import { FileFormatError } from '../io/files/file-format-error.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { defineInspect } from '../printing/inspect.js';
import { quote } from '../validation/quote.js';
import { refuseJson } from '../printing/refuse-json.js';
import type { Shape } from '../core/shape.js';
import { storageOf, Tensor } from '../core/tensor.js';
import { trainableParameters } from '../nn/trainable.js';
import { nameOf, requireModule } from './optimizer.js';
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
  readonly settings: Readonly<Record<string, number | boolean>>;
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
    const { kind, counters, settings } = stateOf(this);
    const values = Object.entries(counters).map(([name, { value }]) => [name, value] as const);
    const fields = [...values, ...Object.entries(settings)];
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
  for (const [name, { value }] of Object.entries(state.counters)) {
    zip.number(`${start}${name}.npy`, value);
  }
  for (const [name, value] of Object.entries(state.settings)) {
    zip.number(`${start}${name}.npy`, Number(value));
  }
  for (const [name, tensor] of memoryTensors(module, state)) {
    zip.tensor(`${start}${name}.npy`, tensor);
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
    for (const [name, own] of Object.entries(state.settings)) {
      await zip.number(`${start}${name}.npy`, {
        expected: `the ${name} that ${state.kind} was made with, ${own},`,
        fits: (value) => value === Number(own),
      });
    }
    for (const [name, tensor] of memoryTensors(module, state)) {
      await zip.tensor(`${start}${name}.npy`, tensor);
    }
  });
}

/** The state arrays of each parameter of the module, as tensors over the same memory. */
function* memoryTensors(
  module: CanUpdateWithGradients,
  state: OptimizerState,
): Generator<readonly [name: string, tensor: Tensor<Shape>]> {
  requireModule(module);
  for (const parameter of trainableParameters(module)) {
    const name = nameOf(parameter, module);
    for (const [i, array] of state.memory.of(storageOf(parameter)).entries()) {
      yield [`${state.memoryNames[i]}.${name}`, Tensor.adopt(array, parameter.shape)];
    }
  }
}

function requireKind(zip: NpzReader, prefix: string, start: string, kind: string): void {
  if (zip.names.some((name) => name.startsWith(start))) return;
  const other = zip.names.find((name) => name.startsWith(prefix));
  const found = other === undefined ? 'none' : `that of another: ${quote(other)}`;
  throw new FileFormatError(zip.path, `the state of an optimizer ${kind}`, found);
}
