import { endianness } from 'node:os';
import { isFloat32Array } from '../../validation/typed-array.js';

/** The bytes of float32 or int64 numbers as ONNX stores them; a view of the values where the machine stores them so. */
export function toLittleEndian(values: Float32Array | readonly number[], isInt64 = false): Uint8Array {
  const array = isInt64
    ? BigInt64Array.from(Array.from(values), (each) => BigInt(each))
    : isFloat32Array(values)
      ? values
      : Float32Array.from(values);
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (endianness() === 'LE') return bytes;
  const copy = Buffer.from(bytes);
  return isInt64 ? copy.swap64() : copy.swap32();
}
