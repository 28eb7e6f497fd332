import { statSync } from 'node:fs';
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory, syncFile } from './durability.js';

/**
 * Writes a file so that whoever reads it, at whatever moment and also after a crash, finds the old
 * content or the new one, whole: into a new file beside it, which then takes its name.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  // A link stays one: what it leads to is replaced.
  const target = await followLinks(path);
  // Not the promise: Node 20.19 ends the process, handled or not, where its permission model forbids the path.
  const mode = (statSync(target, { throwIfNoEntry: false })?.mode ?? 0o666) & 0o777;
  // Not at the top: node:crypto alone takes as long to load as half this package.
  const { randomUUID } = await import('node:crypto');
  const temporary = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`);
  const file = await open(temporary, 'wx', mode);
  try {
    try {
      await write(file);
      // Before the name changes: after a power failure it must not lead to data that never reached the disk.
      await syncFile(file);
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  // The new name must survive a power failure too.
  await syncDirectory(dirname(target));
}

async function followLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path; // there is no such file yet, or the runtime has no realpath
  }
}
