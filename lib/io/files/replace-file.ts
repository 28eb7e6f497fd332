import { statSync } from 'node:fs';
import { type FileHandle, open, readlink, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { isNativeError } from '../../validation/realm.js';
import { syncDirectory, syncFile } from './durability.js';
import { specialFileType } from './file-type.js';

/**
 * Writes a file atomically: into a temporary file in the same directory, which is then renamed. A reader, also one
 * after a crash, finds either the old content or the new one. A symbolic link stays a link, and a file that exists
 * keeps its permissions.
 *
 * @throws RangeError where the path leads to a directory, a pipe or a device; errors of the operating system, which
 * name `path`.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const mode = modeOf(path);
  const target = await followLinks(path);
  // Not at the top: node:crypto alone takes as long to load as half this package.
  const { randomUUID } = await import('node:crypto');
  // Without the name of the target, which may be as long as the file system allows.
  const temporary = join(dirname(target), `.batchnorm-${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode ?? 0o666);
    try {
      try {
        if (mode !== undefined) await keepMode(file, mode);
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
  } catch (error) {
    throw inTermsOf(path, temporary, error);
  }
  // The new name must survive a power failure too.
  await syncDirectory(dirname(target));
}

/** The permissions of the file that is replaced; undefined where there is none. Renaming would replace a pipe or a
 * device by a regular file. */
function modeOf(path: string): number | undefined {
  // Not the promise: Node 20.19 ends the process, handled or not, where its permission model forbids the path.
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const found = specialFileType(stats);
  if (found !== undefined) {
    throw wrongValue('path', 'a regular file or a new one', `${found}, ${quote(path)}`);
  }
  return stats.mode & 0o777;
}

/** Undoes what the umask took from the permissions. Where that is impossible, the new file has fewer of them, never
 * more. */
async function keepMode(file: FileHandle, mode: number): Promise<void> {
  try {
    if (((await file.stat()).mode & 0o777) !== mode) await file.chmod(mode);
  } catch {
    // Node's permission model and some file systems forbid it, and other runtimes have no such method.
  }
}

/** As many links as Linux follows. */
const maxLinks = 40;

/** Where a path leads. Its last part need not exist: a link to a file that is missing creates that file. */
async function followLinks(path: string): Promise<string> {
  let end = path;
  for (let links = 0; links < maxLinks; links++) {
    try {
      return await realpath(end);
    } catch {
      // There is no such file yet, or the runtime has no realpath.
    }
    try {
      const folder = await realpath(dirname(end));
      end = join(folder, basename(end));
      const next = await readlink(end);
      // Not path.join, which would drop "a/.." although a may be a link to another folder.
      end = isAbsolute(next) ? next : `${folder}/${next}`;
    } catch {
      return end; // no link
    }
  }
  return end;
}

/** An error of the operating system about the temporary file as one about the path that the caller knows. */
function inTermsOf(path: string, temporary: string, error: unknown): unknown {
  if (!isNativeError(error)) return error;
  const failure = error as NodeJS.ErrnoException & { dest?: string };
  if (failure.path !== temporary) return error;
  failure.path = path;
  const { stack } = failure;
  failure.message = failure.message.replace(temporary, () => path);
  if (stack !== undefined) failure.stack = stack.replace(temporary, () => path);
  return error;
}
