import type { Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { FileFormatError } from './file-format-error.js';
import { headBytes } from './file-kind.js';
import { specialFileType } from './file-type.js';

/** A file that is open for reading, and its first bytes. */
export interface OpenFile {
  readonly handle: FileHandle;
  /** Bytes of the file. */
  readonly size: number;
  /** The first `headBytes` bytes, or the whole file if it is shorter. */
  readonly head: Buffer;
}

/**
 * Opens a file for reading; the caller closes `handle`.
 * @param wanted Continues "Expected", such as `a safetensors file`.
 * @throws FileFormatError for a directory, a pipe or a device; errors of the operating system.
 */
export async function openFile(path: string, wanted: string): Promise<OpenFile> {
  // Check before opening: opening a pipe waits for its other end.
  requireRegular(path, wanted, await stat(path));
  const handle = await open(path, 'r');
  try {
    const stats = await handle.stat();
    requireRegular(path, wanted, stats);
    return { handle, size: stats.size, head: await readHead(handle) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readHead(handle: FileHandle): Promise<Buffer> {
  const head = Buffer.alloc(headBytes);
  let filled = 0;
  while (filled < head.length) {
    const { bytesRead } = await handle.read(head, filled, head.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return head.subarray(0, filled);
}

function requireRegular(path: string, wanted: string, stats: Stats): void {
  const found = specialFileType(stats);
  if (found !== undefined) throw new FileFormatError(path, wanted, found);
}
