import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { together } from './exchange-text.js';
import type { Group } from './group.js';

/** Bytes that are read and sent at a time: a multiple of the size of a float. */
const chunkBytes = 16 * 1024 * 1024;

/**
 * Runs a function with a file of rank 0, of which the other ranks, perhaps on other machines, receive a temporary copy.
 * @param read Called with the path of the file on rank 0, and of the copy elsewhere.
 * @throws On every rank if one of them fails.
 */
export async function withFileOfRoot(
  group: Group,
  path: string,
  read: (path: string) => Promise<void>,
): Promise<void> {
  const what = `reading ${path}`;
  if (group.rank === 0) {
    const file = await together(group, what, () => open(path));
    try {
      await send(group, file);
    } finally {
      await file.close();
    }
    return together(group, what, () => read(path));
  }
  await together(group, what, () => Promise.resolve());
  const folder = await mkdtemp(join(tmpdir(), 'batchnorm-'));
  try {
    const copy = join(folder, basename(path));
    await receive(group, copy);
    await together(group, what, () => read(copy));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function send(group: Group, file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  await group.broadcastAsync(Float64Array.of(size));
  for (let at = 0; at < size; at += chunkBytes) {
    const length = Math.min(chunkBytes, size - at);
    const chunk = new Float32Array(Math.ceil(length / 4));
    await readFully(file, new Uint8Array(chunk.buffer, 0, length), at);
    await group.broadcastAsync(chunk);
  }
}

async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    // The end of a file that was truncated meanwhile; loading the rest will fail.
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}

async function receive(group: Group, path: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    const [size] = await group.broadcastAsync(new Float64Array(1));
    for (let at = 0; at < size; at += chunkBytes) {
      const length = Math.min(chunkBytes, size - at);
      const chunk = await group.broadcastAsync(new Float32Array(Math.ceil(length / 4)));
      await file.appendFile(new Uint8Array(chunk.buffer, 0, length));
    }
  } finally {
    await file.close();
  }
}
