import { wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { elementCount, type Shape } from '../../core/shape.js';
import { duplicateName } from './duplicate-name.js';

// The format (https://huggingface.co/docs/safetensors): eight bytes with the length of a JSON header, the
// header, and the values of all tensors, one after the other without gaps.

/** Reports a fault in a file; never returns. */
export type Fail = (expected: string, found: string, tensor?: string) => never;

export interface Entry {
  readonly dtype: string;
  readonly shape: Shape;
  /** Range of bytes relative to the start of the values; `end` is exclusive. */
  readonly begin: number;
  readonly end: number;
}

/**
 * Enough for some 40,000 tensors. Parsed JSON takes 20 times its length, so the 100 MB that the format's own
 * library allows would take gigabytes, and minutes.
 */
export const maxHeaderBytes = 4 * 1024 * 1024;

const bytesOf: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, C64: 8 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

/** Parses a header and checks that its entries cover the values exactly. */
export function parseHeader(bytes: Buffer, dataLength: number, fail: Fail): Map<string, Entry> {
  const text = decodeText(bytes, fail);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    return fail('a JSON header', `damage: ${(error as Error).message}`);
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return fail('a JSON object as header', JSON.stringify(header).slice(0, 40));
  }
  const duplicate = duplicateName(text);
  if (duplicate !== undefined) {
    return fail('different names in each object of the header', `${shown(duplicate)} twice`);
  }
  const entries = new Map<string, Entry>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== metadataName) entries.set(name, parseEntry(name, value, fail));
  }
  checkCoverage(entries, dataLength, fail);
  return entries;
}

/** Decodes strictly: with damaged bytes as U+FFFD, two different names could become the same. */
function decodeText(bytes: Buffer, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('a header in UTF-8', 'other bytes');
  }
}

function parseEntry(name: string, value: unknown, fail: Fail): Entry {
  const { dtype, shape, data_offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== 'string') return fail('a dtype', shown(dtype), name);
  if (!isSizes(shape)) return fail('a shape of non-negative integers', shown(shape), name);
  if (!isSizes(data_offsets) || data_offsets.length !== 2) {
    return fail('two data_offsets', shown(data_offsets), name);
  }
  const [begin, end] = data_offsets;
  const size = Object.hasOwn(bytesOf, dtype) ? bytesOf[dtype] : undefined;
  if (size !== undefined && end - begin !== size * elementCount(shape)) {
    fail(`${size * elementCount(shape)} bytes of values`, String(end - begin), name);
  }
  return { dtype, shape, begin, end };
}

/**
 * Refuses gaps and overlaps: a file with two names for the same bytes, or with bytes without a name, is
 * damaged or malicious.
 */
function checkCoverage(entries: Map<string, Entry>, dataLength: number, fail: Fail): void {
  let covered = 0;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== covered || end < begin) {
      fail(`values from byte ${covered} on`, `${begin} to ${end}`, name);
    }
    covered = end;
  }
  if (covered !== dataLength) fail(`${covered} bytes of values`, String(dataLength));
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value).slice(0, 80);
}

/** The member of a header that does not describe a tensor. */
const metadataName = '__metadata__';

/**
 * Checks the name of a tensor.
 * @throws RangeError if the format's readers would refuse or misread it.
 */
export function requireTensorName(name: string): void {
  if (name === metadataName) {
    throw wrongValue(
      'module',
      'other names of parameters',
      `${quote(name)}, the name of the metadata of a file`,
    );
  }
  // JSON can escape halves of surrogate pairs, but the format's own library then refuses the whole file.
  if (/\p{Surrogate}/u.test(name)) {
    throw wrongValue('module', 'names of parameters of whole Unicode characters', quote(name));
  }
}

/**
 * Formats a header, preceded by its length and padded to a multiple of eight as the format's own library
 * does.
 * @throws RangeError if the header is longer than the maximum that can be loaded.
 */
export function formatHeader(entries: ReadonlyMap<string, Entry>): Buffer {
  const fields = [...entries].map(([name, { dtype, shape, begin, end }]) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  // PyTorch's tools read this key to learn the layout of the values.
  const text = JSON.stringify({ [metadataName]: { format: 'pt' }, ...Object.fromEntries(fields) });
  const json = Buffer.from(text, 'utf8');
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > maxHeaderBytes) {
    throw wrongValue('module', `names and shapes of at most ${maxHeaderBytes} bytes`, `${padded} bytes`);
  }
  const header = Buffer.alloc(8 + padded, ' ');
  header.writeBigUInt64LE(BigInt(padded));
  json.copy(header, 8);
  return header;
}
