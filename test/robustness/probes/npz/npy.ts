import type { Shape } from 'batchnorm';
import {
  booleanCodec,
  brainCodec,
  type Codec,
  floatCodec,
  integerCodec,
  readAll,
  writeAll,
} from '../number-codecs.js';
import { parseStrictly } from '../strict-json.js';

// Writes .npy arrays with arbitrary headers and reads them strictly, according to numpy.lib.format; shares no code with
// the library.

export interface NpyOptions {
  readonly descr: string;
  readonly fortranOrder?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** An array with these values, given in row-major order. */
export function writeNpy(values: readonly number[], shape: Shape, options: NpyOptions): Buffer {
  const { descr, fortranOrder = false, version = 1 } = options;
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const order = fortranOrder ? 'True' : 'False';
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${sizes}), }`;
  const ordered = fortranOrder ? rowsToColumns(shape).map((from) => values[from]) : values;
  return joinNpy(text, writeAll(codecOf(descr), ordered), version);
}

/** An array with any header and data. */
export function joinNpy(text: string, data: Buffer, version: number): Buffer {
  const lengthBytes = version === 1 ? 2 : 4;
  const padded = text.padEnd(Math.ceil((8 + lengthBytes + text.length + 1) / 64) * 64 - 9 - lengthBytes);
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntLE(padded.length + 1, 0, lengthBytes);
  const begin = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  return Buffer.concat([begin, length, Buffer.from(`${padded}\n`, 'latin1'), data]);
}

/** The values in row-major order; throws if anything is ambiguous. */
export function readNpy(bytes: Buffer, shape: Shape): number[] {
  if (bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw new Error('no array');
  const version = bytes[6];
  if (![1, 2, 3].includes(version) || bytes[7] !== 0) throw new Error('an unknown version');
  const lengthBytes = version === 1 ? 2 : 4;
  const begin = 8 + lengthBytes;
  const end = begin + bytes.readUIntLE(8, lengthBytes);
  if (end > bytes.length) throw new Error('a header beyond the end');
  const header = parseLiteral(bytes.toString('latin1', begin, end));
  const { descr, fortran_order: fortran, shape: found } = header;
  if (JSON.stringify(found) !== JSON.stringify(shape)) throw new Error('another shape');
  if (typeof fortran !== 'boolean' || typeof descr !== 'string') throw new Error('no header');
  if (Object.keys(header).length !== 3) throw new Error('extra fields in the header');
  const values = readAll(codecOf(descr), bytes.subarray(end));
  if (values.length !== shape.reduce((a, b) => a * b, 1)) throw new Error('a wrong number of values');
  if (!fortran) return values;
  const result = new Array<number>(values.length);
  for (const [i, to] of rowsToColumns(shape).entries()) result[to] = values[i];
  return result;
}

/** Parses a Python dictionary of strings, booleans and tuples of integers by converting it to JSON. */
function parseLiteral(text: string): Record<string, unknown> {
  const json = text
    .replaceAll("'", '"')
    .replaceAll('True', 'true')
    .replaceAll('False', 'false')
    .replaceAll('(', '[')
    .replaceAll(')', ']')
    .replace(/(\d)L\b/g, '$1')
    .replace(/,\s*([\]}])/g, '$1')
    // White space in Python but not in JSON.
    .replaceAll('\f', ' ');
  return parseStrictly(json) as Record<string, unknown>;
}

function codecOf(descr: string): Codec {
  const [, order, kind, digits] = /^([<>|])([biufV])(\d)$/.exec(descr) ?? [];
  const size = Number(digits) as 1 | 2 | 4 | 8;
  const little = order !== '>';
  if (order === '|' && size !== 1) throw new Error('no byte order');
  if (kind === 'V' && size === 2) return brainCodec(little);
  if (kind === 'f' && [2, 4, 8].includes(size)) return floatCodec(size as 2 | 4 | 8, little);
  if (kind === 'b' && size === 1) return booleanCodec;
  if ((kind === 'i' || kind === 'u') && [1, 2, 4, 8].includes(size)) {
    return integerCodec(size, little, kind === 'i');
  }
  throw new Error('no numbers');
}

/** The row-major index for each index in Fortran order. */
function rowsToColumns(shape: Shape): number[] {
  const count = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, place) => {
    let rest = place;
    let to = 0;
    for (const [axis, size] of shape.entries()) {
      const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      to += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return to;
  });
}
