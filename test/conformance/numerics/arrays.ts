import { readFileSync, writeFileSync } from 'node:fs';

// Arrays of floats between processes, one behind the other in a file; Python's numpy reads them, too.

export function writeArrays(file: string, arrays: readonly Float32Array[]): void {
  for (const [i, values] of arrays.entries()) {
    writeFileSync(file, values, { flag: i === 0 ? 'w' : 'a' });
  }
}

/** Arrays of these lengths. */
export function readArrays(file: string, lengths: readonly number[]): Float32Array[] {
  const bytes = readFileSync(file);
  let offset = bytes.byteOffset;
  return lengths.map((length) => {
    const values = new Float32Array(bytes.buffer.slice(offset, offset + 4 * length));
    offset += 4 * length;
    return values;
  });
}
