import { endianness } from 'node:os';
import { elementCount, formatShape, sameShape, type Shape } from '../tensor/shape.js';
import { type Fail, formatHeader, type NpyFloat, parseHeader } from './npy-header.js';

/** The most bytes that an entry with so many values may have. */
export { maxHeaderBytes } from './npy-header.js';

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

/** The values of a float32 or float64 array of this shape, row by row. */
export function parseFloats(bytes: Buffer, shape: Shape, fail: Fail): Float64Array | Float32Array {
  const header = parseHeader(bytes, fail);
  if (!sameShape(header.shape, shape)) {
    fail(`shape ${formatShape(shape)}`, formatShape(header.shape));
  }
  const count = elementCount(shape);
  const data = bytes.subarray(header.dataOffset);
  if (data.length !== count * header.itemSize) {
    fail(`${count * header.itemSize} bytes of values`, String(data.length));
  }
  const values = decodeFloats(data, header);
  return header.fortranOrder ? rowByRow(values, shape) : values;
}

/** Values from a whole number of them; a copy. */
export function decodeFloats(
  data: Buffer,
  { itemSize, littleEndian }: NpyFloat,
): Float64Array | Float32Array {
  const native = littleEndian === (endianness() === 'LE');
  // A copy: the bytes need not lie where a float may.
  const aligned = Buffer.from(new Uint8Array(data).buffer);
  const values =
    itemSize === 4 ? new Float32Array(aligned.buffer) : new Float64Array(aligned.buffer);
  if (!native) aligned[itemSize === 4 ? 'swap32' : 'swap64']();
  return values;
}

/** From Fortran's order, where the first axis is the one whose neighbours lie next to each other. */
function rowByRow<A extends Float32Array | Float64Array>(values: A, shape: Shape): A {
  const result = values.slice() as A;
  const index = shape.map(() => 0);
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  for (let i = 0; i < values.length; i++) {
    let from = 0;
    for (let axis = 0; axis < shape.length; axis++) from += index[axis] * strides[axis];
    result[i] = values[from];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) {
      index[axis] = 0;
    }
  }
  return result;
}
