// 8-bit floats in files of weights (Micikevicius et al., 2022; OCP 2023). Each is exact as a float32.

/** The float32 value of each of the 256 bytes. */
type Table = Float32Array;

const tables: ReadonlyMap<string, Table> = new Map([
  ['F8_E4M3', floats(3, 7, (bits) => (bits & 0x7f) === 0x7f)],
  ['F8_E5M2', floats(2, 15, (bits) => (bits & 0x7f) > 0x7c)],
  // An exponent only: the scale of a block of values.
  ['F8_E8M0', Float32Array.from({ length: 256 }, (_, bits) => (bits === 255 ? NaN : 2 ** (bits - 127)))],
]);

/** Tabulates a format with a sign bit, an exponent with `bias`, and `fractionBits` bits of fraction. */
function floats(fractionBits: number, bias: number, isNaN: (bits: number) => boolean): Table {
  return Float32Array.from({ length: 256 }, (_, bits) => {
    if (isNaN(bits)) return NaN;
    const sign = bits & 0x80 ? -1 : 1;
    const exponent = (bits & 0x7f) >> fractionBits;
    const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits);
    // E5M2 has the infinities of IEEE 754; E4M3 uses that exponent for numbers.
    if (fractionBits === 2 && exponent === 31) return sign * Infinity;
    return exponent === 0
      ? sign * fraction * 2 ** (1 - bias)
      : sign * (1 + fraction) * 2 ** (exponent - bias);
  });
}

/** Decodes bytes of the type that safetensors calls `dtype`; returns undefined for other types. */
export function decodeFloat8(bytes: Uint8Array, dtype: string): Float32Array | undefined {
  const table = tables.get(dtype);
  return table === undefined ? undefined : Float32Array.from(bytes, (bits) => table[bits]);
}
