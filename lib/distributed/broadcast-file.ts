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
  const opened: { file?: FileHandle; folder?: string } = {};
  try {
    if (group.rank === 0) {
      const [file, size] = await together(group, what, async () => {
        opened.file = await open(path);
        return [opened.file, (await opened.file.stat()).size] as const;
      });
      const failure = await send(group, file, size);
      await together(group, what, () => readUnless(failure, read, path));
    } else {
      const [file, copy] = await together(group, what, async () => {
        opened.folder = await mkdtemp(join(tmpdir(), 'batchnorm-'));
        const copy = join(opened.folder, basename(path));
        opened.file = await open(copy, 'wx');
        return [opened.file, copy] as const;
      });
      const failure = await receive(group, file);
      await together(group, what, () => readUnless(failure, read, copy));
    }
  } finally {
    await opened.file?.close();
    if (opened.folder !== undefined) await rm(opened.folder, { recursive: true, force: true });
  }
}

/** An error that is thrown after the calls that the other ranks make, too. */
interface Failure {
  readonly error: unknown;
}

async function readUnless(
  failure: Failure | undefined,
  read: (path: string) => Promise<void>,
  path: string,
): Promise<void> {
  if (failure !== undefined) throw failure.error;
  await read(path);
}

/** The first error of a step that does not stop the next ones. */
async function attempt(
  before: Failure | undefined,
  step: () => Promise<unknown>,
): Promise<Failure | undefined> {
  if (before !== undefined) return before;
  try {
    await step();
    return undefined;
  } catch (error) {
    return { error };
  }
}

async function send(group: Group, file: FileHandle, size: number): Promise<Failure | undefined> {
  let failure: Failure | undefined;
  await group.broadcastAsync(Float64Array.of(size));
  for (let at = 0; at < size; at += chunkBytes) {
    const length = Math.min(chunkBytes, size - at);
    const chunk = new Float32Array(Math.ceil(length / 4));
    const bytes = new Uint8Array(chunk.buffer, 0, length);
    failure = await attempt(failure, () => readFully(file, bytes, at));
    await group.broadcastAsync(chunk);
  }
  return failure;
}

async function readFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, position + done);
    // The end of a file that was truncated meanwhile; loading the rest will fail.
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}

async function receive(group: Group, file: FileHandle): Promise<Failure | undefined> {
  let failure: Failure | undefined;
  const [size] = await group.broadcastAsync(new Float64Array(1));
  for (let at = 0; at < size; at += chunkBytes) {
    const length = Math.min(chunkBytes, size - at);
    const chunk = await group.broadcastAsync(new Float32Array(Math.ceil(length / 4)));
    failure = await attempt(failure, () => file.appendFile(new Uint8Array(chunk.buffer, 0, length)));
  }
  return failure;
}
