// Reads and writes numbers of every type in files one at a time, according to the definition of each type. The probes
// compare the library with this code, which shares nothing with it.

export interface Codec {
  /** Bytes of one number. */
  readonly size: number;
  /** The nearest float32 or, for float64, the exact value. */
  readonly read: (bytes: DataView) => number;
  readonly write: (bytes: DataView, value: number) => void;
}

/** Codecs of floats by their number of bytes. */
export function floatCodec(size: 2 | 4 | 8, little: boolean): Codec {
  if (size === 2) {
    return {
      size,
      read: (bytes) => halfOf(bytes.getUint16(0, little)),
      write: (bytes, value) => bytes.setUint16(0, halfBits(value), little),
    };
  }
  const bits = (8 * size) as 32 | 64;
  return {
    size,
    read: (bytes) => bytes[`getFloat${bits}`](0, little),
    write: (bytes, value) => bytes[`setFloat${bits}`](0, value, little),
  };
}

/** Codec of bfloat16, the upper half of a float32. */
export function brainCodec(little: boolean): Codec {
  const wide = new DataView(new ArrayBuffer(4));
  return {
    size: 2,
    read(bytes) {
      wide.setUint32(0, bytes.getUint16(0, little) * 2 ** 16);
      return wide.getFloat32(0);
    },
    write(bytes, value) {
      wide.setFloat32(0, value);
      bytes.setUint16(0, wide.getUint16(0), little);
    },
  };
}

export function integerCodec(size: 1 | 2 | 4 | 8, little: boolean, signed: boolean): Codec {
  const place = (i: number) => (little ? size - 1 - i : i);
  return {
    size,
    read(bytes) {
      let bits = 0n;
      for (let i = 0; i < size; i++) bits = bits * 256n + BigInt(bytes.getUint8(place(i)));
      return nearestFloat32(signed ? BigInt.asIntN(8 * size, bits) : bits);
    },
    write(bytes, value) {
      let bits = BigInt.asUintN(8 * size, BigInt(Math.trunc(value)));
      for (let i = size - 1; i >= 0; i--, bits /= 256n) {
        bytes.setUint8(place(i), Number(bits % 256n));
      }
    },
  };
}

export const booleanCodec: Codec = {
  size: 1,
  read: (bytes) => (bytes.getUint8(0) === 0 ? 0 : 1),
  write: (bytes, value) => bytes.setUint8(0, value > 0 ? 1 : 0),
};

/** All numbers in these bytes; throws if the last one is incomplete. */
export function readAll({ size, read }: Codec, bytes: Uint8Array): number[] {
  if (bytes.length % size !== 0) throw new Error('an incomplete value');
  return Array.from({ length: bytes.length / size }, (_, i) => read(viewOf(bytes, i * size)));
}

export function writeAll({ size, write }: Codec, values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * size);
  for (const [i, value] of values.entries()) write(viewOf(bytes, i * size), value);
  return bytes;
}

function viewOf(bytes: Uint8Array, at: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + at);
}

/** Rounds to the nearest float32, ties to even, in exact integer arithmetic. */
export function nearestFloat32(value: bigint): number {
  const magnitude = value < 0n ? -value : value;
  const excess = BigInt(Math.max(0, magnitude.toString(2).length - 24));
  const unit = 1n << excess;
  const below = magnitude / unit;
  const twice = 2n * (magnitude % unit);
  const up = twice > unit || (twice === unit && below % 2n === 1n);
  return Number((up ? below + 1n : below) * unit) * (value < 0n ? -1 : 1);
}

/** Decodes IEEE 754 binary16 according to its definition. */
function halfOf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = (bits % 1024) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
}

/** Rounds to float16 toward zero; below 2^-14 to zero, from 2^16 on to infinity. */
function halfBits(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 ? 0x8000 : 0;
  if (magnitude < 2 ** -14) return sign;
  if (magnitude >= 2 ** 16) return sign + 0x7c00;
  const exponent = Math.floor(Math.log2(magnitude));
  return sign + 1024 * (exponent + 15) + Math.floor((magnitude / 2 ** exponent - 1) * 1024);
}
