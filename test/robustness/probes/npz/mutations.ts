import type { Choices } from '../choices.js';
import { joinNpy } from './npy.js';
import { archives, kinds, wanted } from './originals.js';
import { deflatedBomb, signature, writeZip, type ZipEntry } from './zip.js';

/** A mutated archive and a description of the mutation. */
export interface Mutant {
  readonly what: string;
  readonly bytes: Buffer;
}

type Mutation = (choices: Choices) => Buffer;

const interesting = [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff];

const anyArchive = (choices: Choices) => Buffer.from(choices.one(archives));
const anyEntries = (choices: Choices): ZipEntry[] => [...choices.one(kinds)];

/** Offsets of the records of the archive. */
function recordsIn(bytes: Buffer): number[] {
  const found: number[] = [];
  for (const mark of [signature(1, 2), signature(3, 4), signature(5, 6)]) {
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) found.push(at);
  }
  return found;
}

function replaceOne(
  choices: Choices,
  replace: (entry: ZipEntry, index: number) => Partial<ZipEntry>,
): Buffer {
  const entries = anyEntries(choices);
  const index = choices.below(entries.length);
  entries[index] = { ...entries[index], ...replace(entries[index], index) };
  return writeZip(entries);
}

const mutations: Readonly<Record<string, Mutation>> = {
  nothing: anyArchive,
  'bits flipped': (choices) => {
    const bytes = anyArchive(choices);
    for (let i = choices.below(8); i >= 0; i--) bytes[choices.below(bytes.length)] ^= 1 << choices.below(8);
    return bytes;
  },
  'bytes replaced': (choices) => {
    const bytes = anyArchive(choices);
    const at = choices.below(bytes.length);
    choices.bytes(1 + choices.below(16)).copy(bytes, at);
    return bytes;
  },
  'cut short': (choices) => {
    const bytes = anyArchive(choices);
    return bytes.subarray(0, choices.below(bytes.length));
  },
  'beginning lost': (choices) => anyArchive(choices).subarray(1 + choices.below(200)),
  'bytes inserted or removed': (choices) => {
    const bytes = anyArchive(choices);
    const at = choices.below(bytes.length);
    const taken = choices.below(2) * choices.below(64);
    return Buffer.concat([
      bytes.subarray(0, at),
      choices.bytes(choices.below(64)),
      bytes.subarray(at + taken),
    ]);
  },
  'spliced from two': (choices) => {
    const [a, b] = [anyArchive(choices), anyArchive(choices)];
    return Buffer.concat([a.subarray(0, choices.below(a.length)), b.subarray(choices.below(b.length))]);
  },
  'a piece from another': (choices) => {
    const [a, b] = [anyArchive(choices), anyArchive(choices)];
    const from = choices.below(b.length);
    b.copy(a, choices.below(a.length), from, from + choices.below(300));
    return a;
  },
  'two concatenated archives': (choices) => Buffer.concat([anyArchive(choices), anyArchive(choices)]),
  'a field of a record': (choices) => {
    const bytes = anyArchive(choices);
    const at = choices.one(recordsIn(bytes)) + 4 + choices.below(42);
    const size = choices.one([1, 2, 4]);
    if (at + size > bytes.length) return bytes;
    const before = bytes.readUIntLE(at, size);
    const value = choices.rarely(3) ? before + choices.below(65) - 32 : choices.one(interesting);
    bytes.writeUIntLE((value >>> 0) % 2 ** (8 * size), at, size);
    return bytes;
  },
  'names exchanged': (choices) => {
    const entries = anyEntries(choices);
    const [i, j] = [choices.below(entries.length), choices.below(entries.length)];
    [entries[i], entries[j]] = [
      { ...entries[i], name: entries[j].name },
      { ...entries[j], name: entries[i].name },
    ];
    return writeZip(entries);
  },
  'a name twice': (choices) => {
    const entries = anyEntries(choices);
    return writeZip([...entries, choices.one(choices.one(kinds))]);
  },
  'an entry missing': (choices) => {
    const entries = anyEntries(choices);
    entries.splice(choices.below(entries.length), 1);
    return writeZip(entries);
  },
  'another name': (choices) =>
    replaceOne(choices, ({ name }) => ({
      name: choices.one([
        '',
        '/',
        '../scale.npy',
        '/scale.npy',
        `${name}\0`,
        name.toUpperCase(),
        'a\\b',
        '\u{1f600}'.repeat(choices.below(9)),
      ]),
    })),
  'wrong fields in both headers': (choices) =>
    replaceOne(choices, ({ bytes }) => {
      const value = choices.rarely(2) ? bytes.length + choices.below(33) - 16 : choices.one(interesting);
      return { lies: { [choices.one(['size', 'packedSize', 'crc'])]: Math.max(0, value) } };
    }),
  'a different method or flag': (choices) =>
    replaceOne(choices, () => ({
      lies: choices.rarely(2) ? { method: choices.below(100) } : { flags: choices.below(0x10000) },
    })),
  'array bytes damaged before the checksum': (choices) =>
    replaceOne(choices, ({ bytes }) => {
      const damaged = Buffer.from(bytes);
      const end = choices.rarely(2) ? 16 : damaged.length;
      for (let i = choices.below(3); i >= 0; i--) damaged[choices.below(end)] = choices.below(256);
      return { bytes: damaged };
    }),
  'array of a different length': (choices) =>
    replaceOne(choices, ({ bytes }) => ({
      bytes: choices.rarely(2)
        ? bytes.subarray(0, choices.below(bytes.length))
        : Buffer.concat([bytes, choices.bytes(1 + choices.below(40))]),
    })),
  'a different header with a valid checksum': (choices) =>
    replaceOne(choices, (_, index) => ({ bytes: strangeArray(choices, index) })),
  'a text of the header changed': (choices) =>
    replaceOne(choices, ({ bytes }) => {
      const [from, to] = choices.one([
        ["'<f4'", "'>f4'"],
        ["'<f4'", "'=f4'"],
        ['False', 'True '],
        ['True', 'False'],
        ['shape', 'shade'],
        ["'shape'", "'descr': '<f4', 'shape'"],
        ["'shape'", "'shape': (3,), 'shape'"],
        ["'", '"'],
        [', }', '}  '],
        ['(', '( '],
        ['{', ' {'],
        ['3', '03'],
        ['}', '} #'],
      ] as const);
      return { bytes: Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1') };
    }),
  'a gigabyte from a small entry': (choices) =>
    replaceOne(choices, ({ bytes }) => {
      const megabytes = choices.one([1, 16, 128, choices.rarely(8) ? 1024 : 1]);
      const size = bytes.length + megabytes * 2 ** 20;
      const told = choices.one([size, bytes.length, 0xffffffff, 0]);
      return { deflated: true, packed: deflatedBomb(bytes, megabytes), lies: { size: told } };
    }),
  'many entries': (choices) => {
    const [entry] = anyEntries(choices);
    const count = choices.rarely(50) ? 3000 : 50;
    const others = Array.from({ length: count }, (_, i) => ({
      ...entry,
      name: `${i}`,
      bytes: Buffer.alloc(0),
      deflated: false,
    }));
    return writeZip([...anyEntries(choices), ...others]);
  },
  'only noise': (choices) => choices.bytes(choices.below(400)),
};

function strangeArray(choices: Choices, index: number): Buffer {
  const [, shape] = wanted[index];
  const count = shape.reduce((a, b) => a * b, 1);
  const sizes = choices.one([
    shape.join(', '),
    `${shape.join(', ')},`,
    [...shape].reverse().join(', '),
    `${count},`,
    '4294967295, 4294967295, 16',
    '9007199254740993,',
    '99999999999999999999999999,',
    '-1,',
    '1.5,',
    `${shape.join(', ')}, 1`,
    `${shape.join('L, ')}L,`,
    '',
    'True,',
    '1e3,',
  ]);
  const descr = choices.one([
    "'<f4'",
    "'>f8'",
    "'<f8'",
    "'<i8'",
    "'|O'",
    "'<c8'",
    "'|S4'",
    "'<f2'",
    "'f4'",
    "'<f4', '<f4'",
    "[('a', '<f4')]",
    '4',
    'None',
  ]);
  const order = choices.one(['False', 'True', 'false', '0', 'None', '1']);
  const text = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': (${sizes}), }`;
  const size = choices.one([4, 8, 4, 1]) * count;
  return joinNpy(text, Buffer.alloc(size, choices.below(4)), choices.one([1, 1, 2, 3, 4, 0]));
}

const names = Object.keys(mutations);

export function mutant(choices: Choices): Mutant {
  const what = choices.one(names);
  return { what, bytes: mutations[what](choices) };
}

/** The names of all mutations, so that a run can check that it applied each. */
export const mutationNames: readonly string[] = names;
