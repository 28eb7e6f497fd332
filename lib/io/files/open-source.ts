import type { ReadableFile } from './chunks.js';
import { headBytes } from './file-kind.js';
import { bytesOf, type CheckedSource } from './file-source.js';
import { openFile } from './open-file.js';

/** A file or its content, open for reading, and its first bytes. */
export interface OpenSource {
  readonly handle: ReadableFile & { close(): Promise<void> };
  /** Bytes of the file. */
  readonly size: number;
  /** The first `headBytes` bytes, or the whole file if it is shorter. */
  readonly head: Buffer;
}

/**
 * Opens a file, or content in memory, for reading; the caller closes `handle`.
 * @param wanted Continues "Expected", such as `a safetensors file`.
 * @throws FileFormatError for a directory, a pipe, a device or an error of a server; errors of the operating system and of
 * downloads.
 */
export async function openSource(source: CheckedSource, wanted: string): Promise<OpenSource> {
  if (typeof source === 'string') return openFile(source, wanted);
  const bytes = await bytesOf(source, wanted);
  return { handle: new MemoryFile(bytes), size: bytes.length, head: headOf(bytes) };
}

/** The first bytes of content, from which its kind is recognized. */
export function headOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(headBytes, bytes.length));
}

/** Bytes with the methods of an open file. */
class MemoryFile {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    const found = this.#bytes.subarray(position, position + length);
    buffer.set(found, offset);
    return Promise.resolve({ bytesRead: found.length });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
