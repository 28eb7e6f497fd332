import { endianness } from 'node:os';
import type { NumberType } from './number-type.js';

// The decoder for every file format: `.npz`, safetensors, and the files that `batchnorm inspect` reads.

/**
 * Decodes a whole number of values into a new array. Every value is exact, except that 64-bit integers beyond
 * 2^53 are rounded to the nearest float64.
 */
export function decodeNumbers(bytes: Uint8Array, type: NumberType): Float32Array | Float64Array {
  const buffer = inNativeOrder(bytes, type);
  switch (type.kind) {
    case 'float':
      if (type.itemSize === 8) return new Float64Array(buffer);
      return type.itemSize === 4 ? new Float32Array(buffer) : fromHalves(new Uint16Array(buffer));
    case 'bfloat':
      return fromBrainHalves(new Uint16Array(buffer));
    case 'bool':
      return new Float32Array(new Uint8Array(buffer).map((byte) => (byte === 0 ? 0 : 1)));
    case 'int':
    case 'uint':
      return fromIntegers(buffer, type);
  }
}

/**
 * The values without a copy; undefined unless they are float32 in this machine's order at an aligned address.
 * Over a whole file, copies would make as much garbage as the file is large.
 */
export function viewFloat32(bytes: Uint8Array, type: NumberType): Float32Array | undefined {
  const { buffer, byteOffset, length } = bytes;
  const { kind, itemSize } = type;
  if (kind !== 'float' || itemSize !== 4 || !isNativeOrder(type) || byteOffset % itemSize !== 0)
    return undefined;
  return new Float32Array(buffer, byteOffset, length / itemSize);
}

/**
 * Decodes into `target` from index `at` on. Each value is rounded once, to the nearest float32 with ties to
 * even, as in PyTorch's `.to(torch.float32)` and NumPy's `.astype(numpy.float32)`. A float64 beyond the range
 * of float32 becomes infinite.
 */
export function decodeFloat32(bytes: Uint8Array, type: NumberType, target: Float32Array, at: number): void {
  const view = viewFloat32(bytes, type);
  if (view !== undefined) {
    target.set(view, at);
    return;
  }
  if (type.itemSize < 8 || type.kind === 'float') {
    target.set(decodeNumbers(bytes, type), at);
    return;
  }
  const words = new Uint32Array(inNativeOrder(bytes, type));
  const [low, high] = endianness() === 'LE' ? [0, 1] : [1, 0];
  for (let i = 0; i < words.length / 2; i++) {
    const upper = words[2 * i + high];
    target[at + i] = roundable(type.kind === 'int' ? upper | 0 : upper, words[2 * i + low]);
  }
}

/**
 * A float64 that rounds to the same float32 as upper * 2^32 + lower. Rounding that sum first to float64 and
 * then to float32 is wrong if the first rounding lands on a tie of the second. Beyond 2^53, the lowest 11
 * bits, which a float64 may have to drop, are therefore folded into the bit above them ("round to odd"). That
 * bit lies far below the last bit of the float32 and keeps the value off the tie.
 */
function roundable(upper: number, lower: number): number {
  const exact = upper >= -(2 ** 21) && upper < 2 ** 21;
  const keep = exact || (lower & 0x7ff) === 0;
  return upper * 2 ** 32 + (keep ? lower : ((lower & ~0x7ff) | 0x800) >>> 0);
}

/** IEEE 754 binary16: a sign, 5 bits of exponent with a bias of 15, 10 bits of fraction. */
function fromHalves(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) {
    const magnitude = halves[i] & 0x7fff;
    const signed = ((halves[i] & 0x8000) << 16) | (magnitude << 13);
    if (magnitude >= 0x7c00) {
      bits[i] = signed | 0x7f800000; // infinite or NaN
    } else {
      bits[i] = signed;
      values[i] *= 2 ** 112; // the difference between the biases; exact, for subnormal numbers too
    }
  }
  return values;
}

/** bfloat16: the upper half of a float32. */
function fromBrainHalves(halves: Uint16Array): Float32Array {
  const bits = new Uint32Array(halves);
  for (let i = 0; i < bits.length; i++) bits[i] <<= 16;
  return new Float32Array(bits.buffer);
}

function fromIntegers(buffer: ArrayBuffer, { kind, itemSize }: NumberType): Float64Array {
  const signed = kind === 'int';
  switch (itemSize) {
    case 1:
      return new Float64Array(signed ? new Int8Array(buffer) : new Uint8Array(buffer));
    case 2:
      return new Float64Array(signed ? new Int16Array(buffer) : new Uint16Array(buffer));
    case 4:
      return new Float64Array(signed ? new Int32Array(buffer) : new Uint32Array(buffer));
    case 8: {
      const integers = signed ? new BigInt64Array(buffer) : new BigUint64Array(buffer);
      const values = new Float64Array(integers.length);
      for (let i = 0; i < values.length; i++) values[i] = Number(integers[i]);
      return values;
    }
  }
}

/** A copy that is aligned for every type, with the bytes of each number in this machine's order. */
function inNativeOrder(bytes: Uint8Array, type: NumberType): ArrayBuffer {
  const { itemSize } = type;
  const { buffer } = new Uint8Array(bytes);
  if (!isNativeOrder(type)) {
    const copy = Buffer.from(buffer);
    if (itemSize === 2) copy.swap16();
    if (itemSize === 4) copy.swap32();
    if (itemSize === 8) copy.swap64();
  }
  return buffer;
}

function isNativeOrder({ littleEndian }: NumberType): boolean {
  return littleEndian === (endianness() === 'LE');
}
