import { freshArray } from '../../backend/allocation.js';
import { copyFloats, littleEndian } from '../files/copy-floats.js';
import type { Shape } from '../../core/shape.js';
import { formatHeader } from './npy-header.js';

/**
 * Largest array that is joined with its header into one buffer; the values of a larger one follow their
 * header as a separate part and are written in chunks.
 */
export const maxJoinedBytes = 0x3fffffff;

/**
 * Formats a float32 array as `.npy`. Returns copies: one buffer, or header and values of a large array.
 * @param what Name of the values in the error if there is no memory for them.
 * @throws RangeError if the memory cannot be allocated.
 */
export function formatFloats(
  what: string,
  values: Float32Array,
  shape: Shape,
  maxJoined = maxJoinedBytes,
): readonly ArrayBufferView[] {
  const header = formatHeader('<f4', shape);
  const size = header.length + values.byteLength;
  if (size > maxJoined) return [header, copyFloats(what, values)];
  const bytes = freshArray(Uint8Array, `a copy of ${what}`, size);
  bytes.set(header);
  const data = bytes.subarray(header.length);
  data.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  littleEndian(data);
  return [bytes];
}

/** Formats a float64 without axes. */
export function formatNumber(value: number): Buffer {
  return Buffer.concat([formatHeader('<f8', []), doubles([value])]);
}

/** Formats a float64 array with one axis. */
export function formatNumbers(values: readonly number[]): Buffer {
  return Buffer.concat([formatHeader('<f8', [values.length]), doubles(values)]);
}

function doubles(values: readonly number[]): Buffer {
  const data = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) data.writeDoubleLE(value, 8 * i);
  return data;
}
