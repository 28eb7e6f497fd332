import { writeFileSync } from 'node:fs';
import { FileFormatError, loadNpz, type NpzReader, type Shape, Tensor } from 'batchnorm';
import { readNpy } from './npy.js';
import { wanted } from './originals.js';
import { readEntry } from './zip.js';

/** The initial values of tensors, which a failed load must keep. */
const before = 7.25;

export type Outcome = 'loaded' | 'refused';

/**
 * Loads an archive into tensors. Throws unless the load gives exactly the values of a strict reader, or fails with one
 * of our errors and changes nothing.
 */
export async function loadArchive(path: string, bytes: Buffer): Promise<Outcome> {
  writeFileSync(path, bytes);
  const tensors = wanted.map(([name, shape]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return [name, Tensor.from(new Float32Array(count).fill(before), shape)] as const;
  });
  const error: unknown = await loadNpz(path, { read: readerOf(tensors) }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error === undefined) {
    for (const [name, tensor] of tensors) requireStrictlyRead(bytes, name, tensor);
    return 'loaded';
  }
  if (!(error instanceof FileFormatError)) {
    throw new Error('The error is not one of ours', { cause: error });
  }
  if (!/^Expected .+ in .+ but found .+$/s.test(error.message) || error.message.length > 2000) {
    throw new Error('The message has a wrong form or length', { cause: error });
  }
  for (const [name, tensor] of tensors) {
    if (!tensor.data.every((value) => value === before)) {
      throw new Error(`${name} changed although loading failed`, { cause: error });
    }
  }
  return 'refused';
}

function readerOf(tensors: readonly (readonly [string, Tensor<Shape>])[]) {
  return (zip: NpzReader) =>
    zip.transaction(async () => {
      for (const [name, tensor] of tensors) await zip.tensor(name, tensor);
    });
}

function requireStrictlyRead(bytes: Buffer, name: string, tensor: Tensor<Shape>): void {
  let expected: number[];
  try {
    expected = readNpy(readEntry(bytes, name), tensor.shape);
  } catch (cause) {
    throw new Error(`${name} was loaded, but a strict reader refuses it`, { cause });
  }
  const { data } = tensor;
  expected.forEach((value, i) => {
    if (!Object.is(data[i], Math.fround(value))) {
      throw new Error(`${name}[${i}] is ${data[i]}, but a strict reader finds ${value}`);
    }
  });
}
