import { statSync } from 'node:fs';
import { type FileHandle, open, readlink, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { isNativeError } from '../../validation/realm.js';
import { syncDirectory, syncFile } from './durability.js';
import { specialFileType } from './file-type.js';

/**
 * Writes a file atomically: writes a temporary file in the same directory, then renames it. A reader finds
 * either the old content or the new content, even after a crash. A symbolic link stays a link, and an
 * existing file keeps its permissions.
 *
 * @throws RangeError if the path leads to a directory, a pipe or a device; errors of the operating system,
 * which name `path`.
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const mode = modeOf(path);
  const target = await followLinks(path);
  // Imported here because node:crypto alone takes half as long to load as this package.
  const { randomUUID } = await import('node:crypto');
  // Does not contain the target's name, which may already have the maximum length.
  const temporary = join(dirname(target), `.batchnorm-${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode ?? 0o666);
    try {
      try {
        if (mode !== undefined) await keepMode(file, mode);
        await write(file);
        // Sync before renaming: after a power failure the name must not lead to data that never reached the
        // disk.
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

/**
 * The permissions of the file to replace; undefined if it does not exist.
 * @throws RangeError for a pipe or a device, which renaming would replace by a regular file.
 */
function modeOf(path: string): number | undefined {
  // Synchronous because Node 20.19 ends the process, even if the rejection is handled, when its permission
  // model forbids the path.
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const found = specialFileType(stats);
  if (found !== undefined) {
    throw wrongValue('path', 'a regular file or a new one', `${found}, ${quote(path)}`);
  }
  return stats.mode & 0o777;
}

/**
 * Restores the permissions that the umask removed. If that is impossible, the new file has fewer permissions
 * than the old one, never more.
 */
async function keepMode(file: FileHandle, mode: number): Promise<void> {
  try {
    if (((await file.stat()).mode & 0o777) !== mode) await file.chmod(mode);
  } catch {
    // Node's permission model and some file systems forbid this, and other runtimes lack the method.
  }
}

/** Linux's limit on the number of links to follow. */
const maxLinks = 40;

/**
 * The path after following all links. Its last part need not exist: writing to a dangling link creates the
 * file that it points to.
 */
async function followLinks(path: string): Promise<string> {
  let end = path;
  for (let links = 0; links < maxLinks; links++) {
    try {
      return await realpath(end);
    } catch {
      // The file does not exist yet, or the runtime has no realpath.
    }
    try {
      const folder = await realpath(dirname(end));
      end = join(folder, basename(end));
      const next = await readlink(end);
      // path.join would drop "a/..", although "a" may be a link to another folder.
      end = isAbsolute(next) ? next : `${folder}/${next}`;
    } catch {
      return end; // not a link
    }
  }
  return end;
}

/** Rewrites an error of the operating system about the temporary file so that it names the caller's path. */
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
