import { endianness } from 'node:os';
import { freshArray } from '../../backend/allocation.js';
import { chunksOf } from './chunks.js';

/**
 * A little-endian copy of the values, as files store them.
 * @param what Name of the values in the error if there is no memory for them.
 * @throws RangeError if the memory cannot be allocated.
 */
export function copyFloats(what: string, values: Float32Array): Float32Array {
  const copy = freshArray(Float32Array, `a copy of ${what}`, values.length);
  copy.set(values);
  return littleEndian(copy);
}

/** Swaps the bytes of each value in place if this machine is big endian. */
export function littleEndian<A extends ArrayBufferView>(values: A): A {
  if (endianness() === 'LE') return values;
  for (const chunk of chunksOf(values)) {
    Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).swap32();
  }
  return values;
}
