import { readExactly } from '../files/chunks.js';
import { wrongKind } from '../files/file-kind.js';
import type { OpenSource } from '../files/open-source.js';
import { type Entry, type Fail, maxHeaderBytes, parseHeader } from './safetensors-format.js';

/** Continues "Expected" in errors. */
export const wantedFile = 'a safetensors file';

/** The tensors of a file and their positions. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Byte offset of the values; the offsets of entries are relative to it. */
  readonly dataOffset: number;
}

/**
 * Reads the header.
 * @throws FileFormatError for a file of another kind; errors of `fail` for a damaged header.
 */
export async function readHeader(
  file: string,
  { handle, size, head }: OpenSource,
  fail: Fail,
): Promise<SafetensorsHeader> {
  // By the format, the header begins with a brace.
  if (head.length < 9 || head[8] !== 0x7b) throw wrongKind(file, 'safetensors', wantedFile, head);
  const length = Number(head.readBigUInt64LE());
  const max = Math.min(maxHeaderBytes, size - 8);
  if (length > max) fail(`a header of at most ${max} bytes`, String(length));
  const header = await readExactly(handle, 8, length, fail);
  return { entries: parseHeader(header, size - 8 - length, fail), dataOffset: 8 + length };
}
