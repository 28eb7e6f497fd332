import { type NumberType, numberType, numberTypes } from '../files/number-type.js';
import { formatShape, type Shape } from '../../core/shape.js';

// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/** The content of an array's header. */
export interface NpyLayout {
  /**
   * NumPy's name of the type as it stands in the header: `'<f4'` with its quotes, or the fields of a record.
   */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: Shape;
  /** Byte offset of the values. */
  readonly dataOffset: number;
}

/** Reports a fault in a file; never returns. */
export type Fail = (expected: string, found: string) => never;

const magic = Buffer.from('\x93NUMPY', 'latin1');

/** Longer headers occur only for records with thousands of fields. */
export const maxHeaderBytes = 64 * 1024;

/**
 * A header of version 1.0 whose dictionary is spelled and padded exactly as dfdx 0.10 writes it, because
 * dfdx's reader compares it letter by letter.
 */
export function formatHeader(type: '<f4' | '<f8', shape: Shape): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((text.length + 1) / 64) * 64;
  const header = Buffer.alloc(10 + length, ' ');
  magic.copy(header);
  header.writeUInt16LE(0x0001, 6); // version 1.0: the first byte is the major one
  header.writeUInt16LE(length, 8);
  header.write(text, 10, 'latin1');
  header.write('\n', 10 + length - 1, 'latin1');
  return header;
}

/** Parses the header of an array of any type. */
export function parseLayout(bytes: Buffer, fail: Fail): NpyLayout {
  if (bytes.length < 12 || !bytes.subarray(0, 6).equals(magic)) {
    fail('an array of NumPy (.npy)', `the bytes ${bytes.subarray(0, 6).toString('hex')}`);
  }
  const [major, minor] = bytes.subarray(6, 8);
  if (major < 1 || major > 3 || minor !== 0) fail('.npy version 1.0 to 3.0', `${major}.${minor}`);
  const begin = major === 1 ? 10 : 12;
  const length = major === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > Math.min(maxHeaderBytes, bytes.length - begin)) {
    fail('a header inside the entry', `one of ${length} bytes`);
  }
  const text = bytes.toString(major === 3 ? 'utf8' : 'latin1', begin, begin + length);
  const fields = parseDictionary(text, fail);
  return {
    descr: fields.descr,
    fortranOrder: parseBoolean(fields.fortran_order, fail),
    shape: parseShape(fields.shape, fail),
    dataOffset: begin + length,
  };
}

interface Fields {
  descr: string;
  fortran_order: string;
  shape: string;
}

/** White space between Python's tokens; JavaScript's \s matches more. */
const blank = String.raw`[ \t\r\n\f]*`;
// A value of the dictionary: a string, a list (of the fields of a record), a tuple, or a word.
const value = String.raw`'[^']*'|"[^"]*"|\[.*\]|\([^()]*\)|\w+`;
const field = new RegExp(
  String.raw`${blank}(['"])(descr|fortran_order|shape)\1${blank}:${blank}(${value})${blank}(,|(?=\}))`,
  'sy',
);
const opening = new RegExp(String.raw`${blank}\{`, 'y');
const closing = new RegExp(String.raw`${blank}\}${blank}$`, 'y');
const tuple = new RegExp(String.raw`^\(${blank}(\d+L?${blank}(,${blank}\d+L?${blank})*,?${blank})?\)$`);

/** The values as they are written; the keys may come in any order. */
function parseDictionary(text: string, fail: Fail): Fields {
  const fields: Partial<Fields> = {};
  const shown = JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}...` : text);
  opening.lastIndex = 0;
  if (!opening.test(text)) fail('a header {...}', shown);
  let end = opening.lastIndex;
  field.lastIndex = end;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    const [, , name, written] = match;
    // Python keeps the last value of a repeated key; another reader may keep the first.
    if (Object.hasOwn(fields, name)) fail('each field of the header once', `${name} twice`);
    fields[name as keyof Fields] = written;
    end = field.lastIndex;
  }
  const { descr, fortran_order, shape } = fields;
  if (descr === undefined || fortran_order === undefined || shape === undefined) {
    return fail('descr, fortran_order and shape in the header', shown);
  }
  closing.lastIndex = end;
  if (!closing.test(text)) fail('a header with these three fields only', shown);
  return { descr, fortran_order, shape };
}

const kinds = { b: 'bool', i: 'int', u: 'uint', f: 'float' } as const;

/** The number type that NumPy calls `descr`; undefined for text, records, complex numbers and other types. */
export function npyNumberType(descr: string): NumberType | undefined {
  // NumPy has no bfloat16. Arrays of the package ml_dtypes, which JAX and TensorFlow use, are saved as two
  // bytes of an unnamed type with a byte order. Two bytes of raw data (`|V2`) have none.
  const [, brainOrder] = /^['"]([<>])V2['"]$/.exec(descr) ?? [];
  if (brainOrder !== undefined) return numberType('bfloat', 2, brainOrder === '<');
  const [, order, kind, size] = /^['"]([<>|])([biuf])(\d+)['"]$/.exec(descr) ?? [];
  if (order === undefined || (order === '|' && size !== '1')) return undefined;
  return numberType(kinds[kind as keyof typeof kinds], Number(size), order !== '>');
}

/** As `npyNumberType`, but fails for other types. */
export function requireNumberType(descr: string, fail: Fail): NumberType {
  const type = npyNumberType(descr);
  if (type !== undefined) return type;
  const pickled = /^['"][|<>=]?O\d*['"]$/.test(descr);
  return fail(`values of a type of ${numberTypes}`, pickled ? 'pickled Python objects' : `type ${descr}`);
}

function parseBoolean(text: string, fail: Fail): boolean {
  if (text !== 'True' && text !== 'False') fail('True or False for fortran_order', text);
  return text === 'True';
}

function parseShape(text: string, fail: Fail): Shape {
  // Python 2 wrote sizes beyond its small integers with an L.
  if (!tuple.test(text)) fail('a tuple of sizes', text);
  const shape = (text.match(/\d+/g) ?? []).map(Number);
  if (!shape.every(Number.isSafeInteger)) fail('sizes below 2^53', formatShape(shape));
  return shape;
}
