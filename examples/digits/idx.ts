import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError } from './data-error.js';

const gunzipAsync = promisify(gunzip);

/** More than any published IDX file has; a damaged or hostile one must not fill the memory. */
export const MAX_BYTES = 2 ** 30;

const UNSIGNED_BYTES = 0x08;
const typeNames = new Map([
  [UNSIGNED_BYTES, 'unsigned bytes'],
  [0x09, 'signed bytes'],
  [0x0b, '16-bit integers'],
  [0x0c, '32-bit integers'],
  [0x0d, '32-bit floats'],
  [0x0e, '64-bit floats'],
]);

/** An array of bytes of any number of axes, row-major. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/**
 * Reads a file in the format of MNIST, plain or gzipped: two zero bytes, the type of the values, the
 * number of axes, the size of each as a big-endian 32-bit integer, and the values.
 *
 * @throws DataError naming the file, what was expected in it and what was found.
 */
export async function readIdx(path: string, axes: number): Promise<IdxArray> {
  const bytes = await readBytes(path);
  const fail = (expected: string, found: string): never => {
    throw new DataError(`Expected ${expected} in ${path} but found ${found}`);
  };

  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    fail('an IDX file, which begins with two zero bytes', describeBeginning(bytes));
  }
  const [, , type, actualAxes] = bytes;
  if (type !== UNSIGNED_BYTES) {
    fail('unsigned bytes', typeNames.get(type) ?? `the unknown type ${type}`);
  }
  if (actualAxes !== axes) fail(plural(axes, 'axis', 'axes'), String(actualAxes));

  const headerLength = 4 + 4 * axes;
  if (bytes.length < headerLength) {
    fail(`a header of ${headerLength} bytes`, `only ${bytes.length}`);
  }
  const shape = Array.from({ length: axes }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  // Beyond 2^53 the product is inexact, but it never equals the length of a file.
  const count = shape.reduce((product, size) => product * size, 1);
  const values = bytes.subarray(headerLength);
  if (values.length !== count) {
    fail(`${count} values (${shape.join(' x ')})`, String(values.length));
  }
  return { shape, values };
}

async function readBytes(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw tooLarge(path);
  const bytes = await readFile(path);
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return gzipped ? await unzip(bytes, path) : bytes;
}

async function unzip(bytes: Buffer, path: string): Promise<Buffer> {
  try {
    return await gunzipAsync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(path);
    const found = (cause as Error).message;
    throw new DataError(`Expected gzipped data in ${path} but found damage: ${found}`, { cause });
  }
}

function tooLarge(path: string): DataError {
  return new DataError(`Expected at most ${MAX_BYTES} bytes in ${path} but found more`);
}

function describeBeginning(bytes: Buffer): string {
  if (bytes.length < 4) return plural(bytes.length, 'byte', 'bytes');
  return `the bytes ${bytes.subarray(0, 4).toString('hex')}`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
