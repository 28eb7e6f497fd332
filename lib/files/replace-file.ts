import { statSync } from 'node:fs';
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file so that whoever reads it, at whatever moment and also after a crash, finds the old
 * content or the new one, whole: into a new file beside it, which then takes its name.
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  // A link stays one: what it leads to is replaced.
  const target = await realpath(path).catch(() => path);
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
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** Makes the new name last. Where directories cannot be opened (Windows), the system sees to it. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r').catch(() => undefined);
  if (directory === undefined) return;
  await directory.sync().catch(() => undefined);
  await directory.close();
}
