import { type FileHandle, open } from 'node:fs/promises';

/**
 * Flushes a file to disk. A runtime or file system without such a call is not an error: the data is then as
 * safe as the operating system makes it. A disk that fails to store the data is an error.
 *
 * @throws The error of the operating system, such as EIO or ENOSPC.
 */
export async function syncFile(file: FileHandle): Promise<void> {
  await syncUnless(file, unsupported);
}

/**
 * Flushes the entries of a directory, such as a new name, to disk. The same exceptions apply as for
 * `syncFile`.
 *
 * @throws The error of the operating system, such as EIO or ENOSPC.
 */
export async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await open(path, 'r');
  } catch {
    return; // a directory without read permission may still be writable
  }
  try {
    await syncUnless(directory, unsupportedForDirectories);
  } finally {
    await directory.close();
  }
}

/** Error codes of the system (network and FUSE file systems use EINVAL) and of JavaScript runtimes. */
const unsupported = [
  ...['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'],
  ...['ERR_METHOD_NOT_IMPLEMENTED', 'ERR_NOT_IMPLEMENTED', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM'],
];

/** Windows flushes only handles that are open for writing, which those of directories cannot be. */
const unsupportedForDirectories = [...unsupported, 'EPERM', 'EACCES', 'EBADF', 'EISDIR'];

async function syncUnless(file: FileHandle, codes: readonly string[]): Promise<void> {
  if (typeof (file as Partial<FileHandle>).sync !== 'function') return;
  try {
    await file.sync();
  } catch (error) {
    if (!isUnsupported(error, codes)) throw error;
  }
}

function isUnsupported(error: unknown, codes: readonly string[]): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return codes.includes(code);
  // Yarn PnP's file handles have the method, which throws "Method not implemented."
  return /not (yet )?(implemented|supported)/i.test(String(message));
}
