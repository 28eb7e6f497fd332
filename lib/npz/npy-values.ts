import { endianness } from 'node:os';
import type { Shape } from '../tensor/shape.js';
import { formatHeader } from './npy-header.js';

/** A float32 array in the `.npy` format; a copy. */
export function formatFloats(values: Float32Array, shape: Shape): Buffer {
  const data = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const bytes = Buffer.concat([formatHeader('<f4', shape), data]);
  if (endianness() === 'BE') bytes.subarray(bytes.length - data.length).swap32();
  return bytes;
}

/** One float64 without axes. */
export function formatNumber(value: number): Buffer {
  return Buffer.concat([formatHeader('<f8', []), doubles([value])]);
}

/** A float64 array with one axis. */
export function formatNumbers(values: readonly number[]): Buffer {
  return Buffer.concat([formatHeader('<f8', [values.length]), doubles(values)]);
}

function doubles(values: readonly number[]): Buffer {
  const data = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) data.writeDoubleLE(value, 8 * i);
  return data;
}
