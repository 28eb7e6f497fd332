import { detached, wrongValue } from '../validation/errors.js';
import type { FileHandle } from 'node:fs/promises';
import { readChunks, readExactly, writeChunks } from '../io/files/chunks.js';
import { copyFloats } from '../io/files/copy-floats.js';
import { decodeNumbers } from '../io/files/decode-numbers.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { withFileMemory } from '../io/files/file-memory.js';
import { type CheckedSource, type FileSource, nameOf, readSource } from '../io/files/file-source.js';
import { FloatCollector } from '../io/files/float-collector.js';
import {
  type Loading,
  type LoadOptions,
  type LoadReport,
  readLoadOptions,
} from '../io/files/load-options.js';
import { type NumberType, numberTypes } from '../io/files/number-type.js';
import { type FilePath, readPath } from '../io/files/path.js';
import type { Names } from '../io/files/rename.js';
import { replaceFile } from '../io/files/replace-file.js';
import { setFloats } from '../io/files/set-floats.js';
import { type Change, commit, replacement } from '../io/files/stage.js';
import { type CanUpdateWithGradients, type NamedTensor, readParameters } from '../module/module.js';
import { pyTorchName } from './pytorch-names.js';
import { type RunningStatistics, statisticsOf } from './norm/running-statistics.js';
import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import type { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { failIn, type StoredTensor, TensorFiles } from '../io/safetensors/tensor-files.js';
import { type Entry, formatHeader, requireTensorName } from '../io/safetensors/safetensors-format.js';
import { encodeInteger, safetensorsNumberType } from '../io/safetensors/values.js';
import { quote } from '../validation/quote.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** PyTorch's name for the counter of batches next to a running mean. */
const batchCounter = 'num_batches_tracked';

/**
 * Saves the tensors of a module in the safetensors format, under the names of PyTorch's layers (`weight`,
 * `bias`, `running_mean`, `running_var`, `num_batches_tracked`), so that `load_state_dict` accepts them. As
 * in a state dict, epsilon and momentum are not included. The values are those at the time of the call. The
 * save is atomic: an existing file is replaced when the new one is complete.
 * @throws TypeError or RangeError naming the wrong argument; errors of the operating system. The existing
 * file is intact then.
 */
export async function saveSafetensors(
  path: FilePath,
  module: Pick<CanUpdateWithGradients, 'parameters'>,
): Promise<void> {
  if (arguments.length > 2) requireNoSurplus('saveSafetensors', 2, arguments);
  const file = readPath('path', path);
  const entries = new Map<string, Entry>();
  const parts: ArrayBufferView[] = [];
  let end = 0;
  const add = (name: string, dtype: string, shape: readonly number[], make: () => ArrayBufferView): void => {
    requireTensorName(name);
    if (entries.has(name)) {
      throw wrongValue('module', 'different names of parameters', `${quote(name)} twice`);
    }
    const bytes = make();
    entries.set(name, { dtype, shape, begin: end, end: end + bytes.byteLength });
    parts.push(bytes);
    end += bytes.byteLength;
  };
  for (const named of readParameters('module', module)) {
    const [, tensor] = named;
    const name = pyTorchName(named);
    const what = `the values of ${quote(name)}`;
    add(name, 'F32', tensor.shape, () => copyFloats(what, attached(name, tensor).values));
    const counter = statisticsOf(tensor);
    if (counter === undefined) continue;
    add(counterName(named), 'I64', [], () => encodeInteger(counter.batches()));
  }
  const header = formatHeader(entries);
  const write = async (handle: FileHandle): Promise<void> => {
    for (const part of [header, ...parts]) await writeChunks(handle, part);
  };
  await withFileMemory(`saving ${file}`, () => replaceFile(file, write));
}

/**
 * Loads the tensors of a module in place from a safetensors file with PyTorch's names, or from the files of an
 * index (`model.safetensors.index.json`) beside it. Floats of 16 to 64 bits, integers and booleans are rounded
 * to the nearest float32.
 * @param path A path, or the content of one file: its bytes, a `Blob` or `File`, or what `fetch` returned.
 * @returns The names that were not loaded; without options there are none.
 * @throws FileFormatError naming the file, the tensor, what was expected and what was found: the first tensor
 * that is missing, has another shape or type, or is not the module's. TypeError or RangeError naming the wrong
 * argument. Nothing has changed then.
 */
export async function loadSafetensors(
  path: FileSource,
  module: Pick<CanUpdateWithGradients, 'parameters'>,
  options?: LoadOptions,
): Promise<LoadReport> {
  if (arguments.length > 3) requireNoSurplus('loadSafetensors', 3, arguments);
  const source = readSource('path', path);
  const parameters = readParameters('module', module);
  const loading = readLoadOptions(options);
  return withFileMemory(`loading ${nameOf(source)}`, () => load(source, parameters, loading));
}

async function load(
  source: CheckedSource,
  parameters: readonly NamedTensor[],
  { extra, strict, rename }: Loading,
): Promise<LoadReport> {
  const file = nameOf(source);
  const files = await TensorFiles.open(source);
  try {
    const names = rename([...files.tensors.keys()], file);
    const stored = (name: string) => files.tensors.get(names.get(name) ?? '');
    const missing: string[] = [];
    const changes: Change[] = [];
    for (const named of parameters) {
      const name = pyTorchName(named);
      const found = stored(name);
      if (found !== undefined) changes.push(await tensorChange(name, named[1], found));
      else if (strict) failIn(file, name)('a tensor of this name', 'none');
      else missing.push(name);
      const counter = statisticsOf(named[1]);
      const count = stored(counterName(named));
      if (counter !== undefined && count !== undefined) changes.push(await counterChange(counter, count));
    }
    const unexpected = unexpectedOf(parameters, names);
    if (extra === 'refuse') requireNone(file, unexpected);
    commit(changes);
    return { missing, unexpected };
  } finally {
    await files.close();
  }
}

/**
 * The names of tensors that are not the module's. Additional batch counters are accepted, because frozen
 * layers have none.
 */
function unexpectedOf(parameters: readonly NamedTensor[], names: Names): string[] {
  const known = new Set(parameters.flatMap((named) => [pyTorchName(named), counterName(named)]));
  return [...names].filter(([name]) => !known.has(name)).map(([, inFile]) => inFile);
}

function requireNone(file: string, unexpected: readonly string[]): void {
  if (unexpected.length === 0) return;
  const rest = unexpected.length === 1 ? '' : ` and ${unexpected.length - 1} more`;
  throw new FileFormatError(file, "no tensors besides the module's", `${quote(unexpected[0])}${rest}`);
}

/** A change that writes the values into the tensor. */
async function tensorChange(name: string, tensor: Tensor<Shape>, stored: StoredTensor): Promise<Change> {
  const { entry, handle, begin } = stored;
  const fail = failIn(stored.file, stored.name);
  if (!sameShape(entry.shape, tensor.shape)) {
    fail(`shape ${formatShape(tensor.shape)}`, formatShape(entry.shape));
  }
  const type = requireType(entry, fail);
  attached(name, tensor);
  const collector = new FloatCollector(`the values of ${quote(name)}`, entry.shape, false, fail);
  for await (const bytes of readChunks(handle, begin, entry.end - entry.begin, fail)) {
    collector.add(bytes, type);
  }
  return setFloats(tensor, collector.values, fail);
}

/** A change that sets the number of batches, which the file may store as any type. */
async function counterChange(counter: RunningStatistics, stored: StoredTensor): Promise<Change> {
  const { entry, handle, begin } = stored;
  const fail = failIn(stored.file, stored.name);
  const type = requireType(entry, fail);
  if (elementCount(entry.shape) !== 1) fail('one value', `shape ${formatShape(entry.shape)}`);
  const [count] = decodeNumbers(await readExactly(handle, begin, entry.end - entry.begin, fail), type);
  if (!Number.isSafeInteger(count) || count < 0) fail('a number of batches', String(count));
  return replacement(
    () => counter.batches(),
    (batches) => counter.setBatches(batches),
    count,
  );
}

function requireType({ dtype }: Entry, fail: ReturnType<typeof failIn>): NumberType {
  return safetensorsNumberType(dtype) ?? fail(`values of a type of ${numberTypes}`, `type ${dtype}`);
}

/** `net.1.num_batches_tracked` for `net.1.runningMean`. */
function counterName([name]: NamedTensor): string {
  return name.slice(0, name.lastIndexOf('.') + 1) + batchCounter;
}

/** The values of a tensor. @throws TypeError that names it with its path if its buffer was transferred. */
function attached(name: string, tensor: Tensor<Shape>): Storage {
  const storage = storageOf(tensor);
  if (storage.isDetached) throw detached(quote(name));
  return storage;
}
