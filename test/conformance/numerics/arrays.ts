import { readFileSync, writeFileSync } from 'node:fs';

// Passes float arrays between processes, concatenated in a file that numpy can read too.

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
