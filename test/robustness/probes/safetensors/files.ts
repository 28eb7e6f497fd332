import type { Choices } from '../choices.js';
import { booleanCodec, brainCodec, type Codec, floatCodec, integerCodec, readAll } from '../number-codecs.js';
import { parseStrictly } from '../strict-json.js';

// Writes and reads safetensors files according to the format's specification: eight bytes with the length of a JSON
// header, the header, the values.

/** Names and lengths of the tensors that are loaded. */
export const wanted = [
  ['scale', 3],
  ['weight', 6],
] as const;

const codecs: Readonly<Partial<Record<string, Codec>>> = {
  ...{ F32: floatCodec(4, true), F64: floatCodec(8, true), F16: floatCodec(2, true) },
  ...{ BF16: brainCodec(true), BOOL: booleanCodec },
  ...{ I64: integerCodec(8, true, true), U64: integerCodec(8, true, false) },
  ...{ I32: integerCodec(4, true, true), U32: integerCodec(4, true, false) },
  ...{ I16: integerCodec(2, true, true), U16: integerCodec(2, true, false) },
  ...{ I8: integerCodec(1, true, true), U8: integerCodec(1, true, false) },
};
const types = Object.keys(codecs);

function header(entries: Record<string, unknown>): Buffer {
  const text = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

/** A valid file whose entries are modified by `change` before they are written. */
function file(
  choices: Choices,
  change: (entries: Record<string, Record<string, unknown>>) => void = () => undefined,
): Buffer {
  const entries: Record<string, Record<string, unknown>> = {};
  let end = 0;
  for (const [name, length] of wanted) {
    const dtype = choices.rarely(6) ? choices.one(types) : 'F32';
    const size = (codecs[dtype]?.size ?? 0) * length;
    entries[name] = { dtype, shape: [length], data_offsets: [end, end + size] };
    end += size;
  }
  // Small exponents, since random bytes are mostly enormous numbers.
  const data = choices.bytes(end);
  change(entries);
  return Buffer.concat([header(entries), data]);
}

const strange = [
  -1,
  0,
  1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e300,
  null,
  'x',
  [],
  {},
  [[1]],
  true,
  [-1],
  [3, 0],
  [2 ** 27, 2 ** 27],
  [2 ** 60, 2],
];

const mutations: Readonly<Record<string, (choices: Choices) => Buffer>> = {
  nothing: (choices) => file(choices),
  'bits flipped': (choices) => {
    const bytes = file(choices);
    for (let i = choices.below(4); i >= 0; i--) bytes[choices.below(bytes.length)] ^= 1 << choices.below(8);
    return bytes;
  },
  'cut short': (choices) => {
    const bytes = file(choices);
    return bytes.subarray(0, choices.below(bytes.length));
  },
  'bytes inserted or removed': (choices) => {
    const bytes = file(choices);
    const at = choices.below(bytes.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      choices.bytes(choices.below(9)),
      bytes.subarray(at + choices.below(9)),
    ]);
  },
  'a different header length': (choices) => {
    const bytes = file(choices);
    const before = bytes.readBigUInt64LE();
    const value = choices.one([
      0n,
      1n,
      before - 1n,
      before + 1n,
      2n ** 32n,
      2n ** 63n,
      2n ** 64n - 1n,
      100_000_000n,
    ]);
    bytes.writeBigUInt64LE(value);
    return bytes;
  },
  'a field of an entry': (choices) =>
    file(choices, (entries) => {
      const entry = entries[choices.one(wanted)[0]];
      entry[choices.one(['dtype', 'shape', 'data_offsets', 'more'])] = choices.one(strange);
    }),
  'offsets moved': (choices) =>
    file(choices, (entries) => {
      const entry = entries[choices.one(wanted)[0]];
      entry.data_offsets = (entry.data_offsets as number[]).map((at) => at + choices.below(9) - 4);
    }),
  'an unusual entry': (choices) =>
    file(choices, (entries) => {
      const name = choices.one(['scale', 'more', '__proto__', 'constructor', '__metadata__', '']);
      Object.defineProperty(entries, name, { value: choices.one(strange), enumerable: true });
    }),
  'an additional empty tensor': (choices) =>
    file(choices, (entries) => {
      const at = choices.one([0, 12, 36]);
      entries.more = {
        dtype: choices.one([...types, 'F8_E4M3', 'X']),
        shape: [0, 2 ** 40],
        data_offsets: [at, at],
      };
    }),
  'a name twice': (choices) => {
    const bytes = file(choices);
    const length = Number(bytes.readBigUInt64LE());
    const text = bytes.toString('utf8', 8, 8 + length);
    const [name, at] = choices.one([
      ['scale', 1],
      ['\\u0073cale', 1],
      ['dtype', text.indexOf('{', 1) + 1],
      ['other', 1],
    ] as const);
    const value = choices.one(['"F32"', '{}', text.slice(text.indexOf('{', 1), text.indexOf('}') + 1)]);
    const changed = Buffer.from(`${text.slice(0, at)}"${name}":${value},${text.slice(at)}`);
    const begin = Buffer.alloc(8);
    begin.writeBigUInt64LE(BigInt(changed.length));
    return Buffer.concat([begin, changed, bytes.subarray(8 + length)]);
  },
  'a header of a different type': (choices) => {
    const text = choices.one([
      '[]',
      'null',
      '5',
      '"x"',
      '{}',
      '{',
      '{"scale":{}}',
      '['.repeat(50_000),
      '{"a":'.repeat(20_000),
    ]);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([length, Buffer.from(text), choices.bytes(36)]);
  },
};

export const mutationNames: readonly string[] = Object.keys(mutations);

export function mutant(choices: Choices): { what: string; bytes: Buffer } {
  const what = choices.one(mutationNames);
  return { what, bytes: mutations[what](choices) };
}

/** The values of a tensor; throws if anything is ambiguous. */
export function readStrictly(bytes: Buffer, name: string, length: number): number[] {
  const headerLength = Number(bytes.readBigUInt64LE());
  const text = bytes.toString('utf8', 8, 8 + headerLength);
  const entries = parseStrictly(text) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: number[] }
  >;
  const { dtype, shape, data_offsets } = entries[name];
  if (JSON.stringify(shape) !== `[${length}]`) throw new Error('another shape');
  const [begin, end] = data_offsets.map((at) => 8 + headerLength + at);
  if (begin < 8 + headerLength || end > bytes.length) throw new Error('beyond the values');
  const data = bytes.subarray(begin, end);
  const codec = Object.hasOwn(codecs, dtype) ? codecs[dtype] : undefined;
  if (codec === undefined || data.length !== length * codec.size) {
    throw new Error('a wrong type or number of values');
  }
  return readAll(codec, data);
}
