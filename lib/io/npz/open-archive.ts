import { FileFormatError } from '../files/file-format-error.js';
import { fileKind, wrongKind } from '../files/file-kind.js';
import { bytesOf, type CheckedSource, nameOf } from '../files/file-source.js';
import { openFile } from '../files/open-file.js';
import { headOf } from '../files/open-source.js';
import { isNativeError, isRangeError } from '../../validation/realm.js';
import { type ZipArchive, ZipContent, type ZipEntry } from './zip-content.js';

const wanted = 'an .npz file, a zip archive of arrays,';

/** Maximum number of entries of an archive that is opened; going through more would take long. */
export const maxEntries = 100_000;

/** An open archive and its entries by name. */
interface OpenArchive {
  readonly zip: ZipArchive;
  readonly entries: ReadonlyMap<string, readonly ZipEntry[]>;
}

/**
 * Opens an archive.
 * @throws FileFormatError if it is not a zip archive; errors of the operating system and of downloads.
 */
export async function openArchive(source: CheckedSource): Promise<OpenArchive> {
  const file = nameOf(source);
  const bytes = typeof source === 'string' ? undefined : await bytesOf(source, wanted);
  const head = bytes === undefined ? await readHead(file) : headOf(bytes);
  let zip: ZipArchive | undefined;
  try {
    zip = bytes === undefined ? await openZip(file) : new ZipContent(bytes);
    const entries = await readDirectory(file, zip);
    requireArrays(file, head, entries);
    return { zip, entries };
  } catch (error) {
    zip?.close();
    if (!isFormatError(error)) throw error;
    // A file that does not begin like an archive is of another kind rather than damaged.
    const damage = head.toString('latin1', 0, 2) === 'PK' ? `damage: ${error.message}` : undefined;
    throw wrongKind(file, 'npz', wanted, head, { damage, cause: error });
  }
}

async function openZip(file: string): Promise<ZipArchive> {
  const { openPromise } = await import('yauzl');
  // Undecoded names, because extra entries may have any bytes.
  const zip = await openPromise(file, { autoClose: false, lazyEntries: true, decodeStrings: false });
  return {
    entryCount: zip.entryCount,
    async *eachEntry() {
      for await (const entry of zip.eachEntry()) {
        const { fileNameRaw, uncompressedSize, crc32, compressionMethod } = entry;
        yield {
          ...{ fileNameRaw, uncompressedSize, crc32, compressionMethod },
          isEncrypted: entry.isEncrypted(),
          // The stream ends with an error if its size differs from the size in the archive.
          open: () => zip.openReadStreamPromise(entry),
        };
      }
    },
    close: () => {
      zip.close();
    },
  };
}

async function readDirectory(
  file: string,
  zip: ZipArchive,
): Promise<ReadonlyMap<string, readonly ZipEntry[]>> {
  if (zip.entryCount > maxEntries) {
    throw new FileFormatError(file, `at most ${maxEntries} entries`, String(zip.entryCount));
  }
  const entries = new Map<string, ZipEntry[]>();
  for await (const entry of zip.eachEntry()) {
    const name = entry.fileNameRaw.toString('utf8');
    const same = entries.get(name);
    if (same === undefined) {
      entries.set(name, [entry]);
    } else {
      same.push(entry);
    }
  }
  return entries;
}

/**
 * Distinguishes damage from other errors: errors of the system have codes such as EIO, those of yauzl have
 * none, and those of zlib begin with Z_.
 */
export function isFormatError(error: unknown): error is Error {
  if (!isNativeError(error) || error instanceof FileFormatError) return false;
  const { code } = error as { readonly code?: unknown };
  if (code === 'Z_MEM_ERROR' || (code === undefined && isRangeError(error))) return false;
  return typeof code !== 'string' || code.startsWith('Z_') || code.startsWith('ERR_');
}

async function readHead(file: string): Promise<Buffer> {
  const { handle, head } = await openFile(file, wanted);
  await handle.close();
  return head;
}

/** Refuses zip archives without arrays, such as other programs write, and names those of a known kind. */
function requireArrays(file: string, head: Buffer, entries: ReadonlyMap<string, unknown>): void {
  const kind = fileKind(head);
  if (kind !== 'pytorchZip' && kind !== 'kerasZip') return;
  if (![...entries.keys()].some((name) => name.endsWith('.npy'))) {
    throw wrongKind(file, 'npz', wanted, head);
  }
}
