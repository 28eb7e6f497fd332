import { withFileMemory } from '../../io/files/file-memory.js';
import { FileFormatError } from '../../io/files/file-format-error.js';
import { wrongKind } from '../../io/files/file-kind.js';
import { readExactly } from '../../io/files/chunks.js';
import { type CheckedSource, type FileSource, nameOf, readSource } from '../../io/files/file-source.js';
import { openSource } from '../../io/files/open-source.js';
import { orDefault, requireOptions, requirePositiveInteger } from '../../validation/errors.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { readExternalData } from '../external-data.js';
import { readModel } from '../proto/read-model.js';
import type { ModelProto, TensorProto } from '../proto/messages.js';
import { readValue, requireTensor } from '../read-values.js';
import type { Value } from '../values.js';
import { buildModel } from './build-model.js';
import type { OnnxModel } from './onnx-model.js';

/** Settings of `importOnnx`. */
export interface ImportOnnxOptions {
  /**
   * Limit of the memory, in bytes, for constants that the file does not contain but computes, such as a large tensor of
   * zeros. Default 2 GiB.
   */
  readonly maxComputedBytes?: number;
}

const wanted = 'an ONNX model';

/** Limit of the memory for constants that nodes compute. */
export const defaultComputedBytes = 2 * 1024 ** 3;

/** Protocol buffers cannot be longer. */
const maxModelBytes = 2 ** 31 - 1;

/**
 * Reads a network from an ONNX file, with the values in files beside it.
 *
 * The network infers, trains, folds its batch norms, and is saved like any other module. Weights of other floating-point types are
 * converted to float32, in which everything is computed.
 *
 * @param path Path of the `.onnx` file, or its content: its bytes, a `Blob` or `File`, or what `fetch` returned. Content has no
 * files beside it.
 * @throws FileFormatError for another kind of file, damage, external data outside the folder of the file, and operators or
 * attributes that the package does not support, which it names with their nodes; RangeError if memory runs out; errors of the
 * operating system.
 *
 * @example
 * const net = await importOnnx('resnet50.onnx');
 * net.forward(Tensor.zeros([1, 3, 224, 224]));
 */
export async function importOnnx(path: FileSource, options?: ImportOnnxOptions): Promise<OnnxModel> {
  if (arguments.length > 2) requireNoSurplus('importOnnx', 2, arguments);
  const source = readSource('path', path);
  const file = nameOf(source);
  const given = requireOptions('options', options, ['maxComputedBytes']);
  const maxComputedBytes = requirePositiveInteger(
    'maxComputedBytes',
    orDefault(given.maxComputedBytes, defaultComputedBytes),
  );
  return withFileMemory(`loading ${file}`, async () => {
    const model = await readModelFile(source);
    const initializers = new Map<string, Value>();
    for (const tensor of model.graph.initializers) {
      if (initializers.has(tensor.name))
        fail(file, 'different names of tensors', 'the same twice', tensor.name);
      initializers.set(tensor.name, await readTensor(source, tensor));
    }
    return buildModel(file, model, initializers, maxComputedBytes).model;
  });
}

/** Reads and parses a model without the values that are in other files. */
export async function readModelFile(source: CheckedSource): Promise<ModelProto> {
  const file = nameOf(source);
  const { handle, size, head } = await openSource(source, wanted);
  try {
    if (size > maxModelBytes) fail(file, `an ONNX model of at most ${maxModelBytes} bytes`, String(size));
    if (size === 0) throw wrongKind(file, 'onnx', wanted, head);
    const bytes = await readExactly(handle, 0, size, (expected, found) => fail(file, expected, found));
    return readModel(bytes, (expected, found) => {
      // Any bytes may look like the beginning of a protocol buffer.
      throw wrongKind(file, 'onnx', `${wanted} with ${expected}`, head, { damage: found });
    });
  } finally {
    await handle.close();
  }
}

/** Reads the values of an initializer, in the file or beside it. */
export async function readTensor(source: CheckedSource, tensor: TensorProto): Promise<Value> {
  const file = nameOf(source);
  const failHere = (expected: string, found: string) => fail(file, expected, found, tensor.name);
  const bytes = requireTensor(tensor, failHere);
  if (tensor.values.kind !== 'external') return readValue(tensor, failHere);
  if (typeof source !== 'string')
    failHere('values within the model, since content has no files beside it', 'external data');
  const external = await readExternalData(file, tensor.values.place, bytes, failHere);
  return readValue(tensor, failHere, external);
}

function fail(file: string, expected: string, found: string, entry?: string): never {
  throw new FileFormatError(file, expected, found, entry);
}
