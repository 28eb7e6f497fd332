import { writeFileSync } from 'node:fs';
import { FileFormatError, loadSafetensors, type NamedTensor, Tensor } from 'batchnorm';
import { readStrictly, wanted } from './files.js';

const before = 7.25;

/** Loads a file, which must give the values of a strict reader, or fail and change nothing. */
export async function loadFile(path: string, bytes: Buffer): Promise<'loaded' | 'refused'> {
  writeFileSync(path, bytes);
  const tensors = wanted.map(([name, length]): NamedTensor => [
    name,
    Tensor.from(new Float32Array(length).fill(before), [length]),
  ]);
  const error: unknown = await loadSafetensors(path, { parameters: () => tensors }).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error === undefined) {
    for (const [name, { data }] of tensors) {
      readStrictly(bytes, name, data.length).forEach((value, i) => {
        if (Object.is(data[i], Math.fround(value))) return;
        throw new Error(`${name}[${i}] is ${data[i]}, but a strict reader finds ${value}`);
      });
    }
    return 'loaded';
  }
  if (!(error instanceof FileFormatError) || error.message.length > 2000) {
    throw new Error('The error is not one of ours', { cause: error });
  }
  for (const [name, { data }] of tensors) {
    if (data.some((value) => value !== before))
      throw new Error(`${name} changed although loading failed`, { cause: error });
  }
  return 'refused';
}
