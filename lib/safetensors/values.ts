import { endianness } from 'node:os';

/** float32 from the bytes of a tensor; undefined for a type that is no floating-point number. */
export function decodeFloats(
  dtype: string,
  bytes: Buffer,
): Float64Array | Float32Array | undefined {
  const { buffer } = new Uint8Array(bytes); // a copy that begins where a float may
  const copy = Buffer.from(buffer);
  const swap = endianness() === 'BE';
  switch (dtype) {
    case 'F32':
      if (swap) copy.swap32();
      return new Float32Array(buffer);
    case 'F64':
      if (swap) copy.swap64();
      return new Float64Array(buffer);
    case 'F16':
      if (swap) copy.swap16();
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case 'BF16': {
      if (swap) copy.swap16();
      const bits = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    default:
      return undefined;
  }
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function encodeFloats(values: Float32Array): Buffer {
  const bytes = Buffer.from(Float32Array.from(values).buffer);
  if (endianness() === 'BE') bytes.swap32();
  return bytes;
}

export function encodeInteger(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}
