import { detached, wrongValue } from '../validation/errors.js';
import type { FileHandle } from 'node:fs/promises';
import { readChunks, readExactly, writeChunks } from '../io/files/chunks.js';
import { copyFloats } from '../io/files/copy-floats.js';
import { decodeNumbers } from '../io/files/decode-numbers.js';
import { FileFormatError } from '../io/files/file-format-error.js';
import { withFileMemory } from '../io/files/file-memory.js';
import { FloatCollector } from '../io/files/float-collector.js';
import { type NumberType, numberTypes } from '../io/files/number-type.js';
import { type OpenFile, openFile } from '../io/files/open-file.js';
import { type FilePath, readPath } from '../io/files/path.js';
import { replaceFile } from '../io/files/replace-file.js';
import { setFloats } from '../io/files/set-floats.js';
import { type Change, commit, replacement } from '../io/files/stage.js';
import { type CanUpdateWithGradients, type NamedTensor, readParameters } from '../module/module.js';
import { pyTorchName } from './pytorch-names.js';
import { statisticsOf } from './norm/running-statistics.js';
import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import { type LoadOptions, readExtra } from '../io/npz/npz-files.js';
import type { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { readHeader, wantedFile } from '../io/safetensors/read-header.js';
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
 * Loads the tensors of a module in place from a safetensors file with PyTorch's names. Floats of 16 to 64
 * bits, integers and booleans are rounded to the nearest float32.
 * @throws FileFormatError naming the file, the tensor, what was expected and what was found: the first tensor
 * that is missing, has another shape or type, or is not the module's. Nothing has changed then.
 */
export async function loadSafetensors(
  path: FilePath,
  module: Pick<CanUpdateWithGradients, 'parameters'>,
  options?: LoadOptions,
): Promise<void> {
  if (arguments.length > 3) requireNoSurplus('loadSafetensors', 3, arguments);
  const file = readPath('path', path);
  const parameters = readParameters('module', module);
  const extra = readExtra(options);
  await withFileMemory(`loading ${file}`, () => load(file, parameters, extra));
}

async function load(
  file: string,
  parameters: readonly NamedTensor[],
  extra: 'refuse' | 'ignore',
): Promise<void> {
  const opened = await openFile(file, wantedFile);
  try {
    const reader = await Reader.open(file, opened);
    const changes: Change[] = [];
    for (const named of parameters) {
      changes.push(await reader.tensor(named));
      const counter = statisticsOf(named[1]);
      const name = counterName(named);
      if (counter === undefined || !reader.has(name)) continue;
      const count = await reader.counter(name);
      changes.push(
        replacement(
          () => counter.batches(),
          (batches) => counter.setBatches(batches),
          count,
        ),
      );
    }
    if (extra === 'refuse') reader.requireNoExtra(parameters);
    commit(changes);
  } finally {
    await opened.handle.close();
  }
}

class Reader {
  private constructor(
    private readonly file: string,
    private readonly handle: FileHandle,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly dataOffset: number,
  ) {}

  static async open(file: string, opened: OpenFile): Promise<Reader> {
    const { entries, dataOffset } = await readHeader(file, opened, failIn(file));
    return new Reader(file, opened.handle, entries, dataOffset);
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * Throws if the file has tensors that are not the module's. Additional batch counters are accepted, because
   * frozen layers have none.
   */
  requireNoExtra(parameters: readonly NamedTensor[]): void {
    const known = new Set(parameters.flatMap((named) => [pyTorchName(named), counterName(named)]));
    const extra = [...this.entries.keys()].filter((name) => !known.has(name));
    if (extra.length === 0) return;
    const rest = extra.length === 1 ? '' : ` and ${extra.length - 1} more`;
    const found = `${quote(extra[0])}${rest}`;
    throw new FileFormatError(this.file, "no tensors besides the module's", found);
  }

  /** A change that writes the values into the tensor. */
  async tensor(named: NamedTensor): Promise<Change> {
    const [, tensor] = named;
    const name = pyTorchName(named);
    const fail = failIn(this.file, name);
    const entry = this.entries.get(name) ?? fail('a tensor of this name', 'none');
    if (!sameShape(entry.shape, tensor.shape)) {
      fail(`shape ${formatShape(tensor.shape)}`, formatShape(entry.shape));
    }
    const type = requireType(entry, fail);
    attached(name, tensor);
    const what = `the values of ${quote(name)}`;
    const collector = new FloatCollector(what, entry.shape, false, fail);
    const { begin, end } = entry;
    for await (const bytes of readChunks(this.handle, this.dataOffset + begin, end - begin, fail)) {
      collector.add(bytes, type);
    }
    return setFloats(tensor, collector.values, fail);
  }

  /** Reads a number of batches, stored as any type. */
  async counter(name: string): Promise<number> {
    const fail = failIn(this.file, name);
    const entry = this.entries.get(name) ?? fail('a tensor of this name', 'none');
    const type = requireType(entry, fail);
    if (elementCount(entry.shape) !== 1) fail('one value', `shape ${formatShape(entry.shape)}`);
    const { begin, end } = entry;
    const bytes = await readExactly(this.handle, this.dataOffset + begin, end - begin, fail);
    const [count] = decodeNumbers(bytes, type);
    if (!Number.isSafeInteger(count) || count < 0) fail('a number of batches', String(count));
    return count;
  }
}

function requireType({ dtype }: Entry, fail: FailHere): NumberType {
  return safetensorsNumberType(dtype) ?? fail(`values of a type of ${numberTypes}`, `type ${dtype}`);
}

type FailHere = (expected: string, found: string, tensor?: string) => never;

function failIn(file: string, name?: string): FailHere {
  return (expected, found, tensor = name) => {
    throw new FileFormatError(file, expected, found, tensor);
  };
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
