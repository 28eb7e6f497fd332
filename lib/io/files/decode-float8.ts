// The floats of 8 bits that files of weights may hold (Micikevicius et al., 2022; OCP 2023), exactly as float32.

/** The 256 values of a type. */
type Table = Float32Array;

const tables: ReadonlyMap<string, Table> = new Map([
  ['F8_E4M3', floats(3, 7, (bits) => (bits & 0x7f) === 0x7f)],
  ['F8_E5M2', floats(2, 15, (bits) => (bits & 0x7f) > 0x7c)],
  // Only an exponent: a scale that many values share.
  ['F8_E8M0', Float32Array.from({ length: 256 }, (_, bits) => (bits === 255 ? NaN : 2 ** (bits - 127)))],
]);

/** A sign, an exponent with a bias, and so many bits of fraction. */
function floats(fractionBits: number, bias: number, isNaN: (bits: number) => boolean): Table {
  return Float32Array.from({ length: 256 }, (_, bits) => {
    if (isNaN(bits)) return NaN;
    const sign = bits & 0x80 ? -1 : 1;
    const exponent = (bits & 0x7f) >> fractionBits;
    const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits);
    // E5M2 has infinities as IEEE 754 has; E4M3 uses their exponent for numbers.
    if (fractionBits === 2 && exponent === 31) return sign * Infinity;
    return exponent === 0
      ? sign * fraction * 2 ** (1 - bias)
      : sign * (1 + fraction) * 2 ** (exponent - bias);
  });
}

/** The values of bytes of one of these types, by its name in safetensors; undefined for another type. */
export function decodeFloat8(bytes: Uint8Array, dtype: string): Float32Array | undefined {
  const table = tables.get(dtype);
  return table === undefined ? undefined : Float32Array.from(bytes, (bits) => table[bits]);
}
