import { wrongType } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { FileFormatError } from '../files/file-format-error.js';
import { withFileMemory } from '../files/file-memory.js';
import { type Loading, type LoadOptions, type LoadReport, readLoadOptions } from '../files/load-options.js';
import { type CheckedSource, contentOf, type FileSource, nameOf, readSource } from '../files/file-source.js';
import { type FilePath, readPath } from '../files/path.js';
import { replaceFile } from '../files/replace-file.js';
import { NpzReader, withoutNpy } from './npz-reader.js';
import { NpzWriter } from './npz-writer.js';
import { callSync } from '../../validation/synchronous.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** An object that can be saved to an `.npz` archive, alone or as a part of another: dfdx's `SaveToNpz`. */
export interface SaveToNpz {
  /** Adds the module's tensors, under names that begin with `prefix`, before it returns. */
  write(zip: NpzWriter, prefix: string): void;
}

/**
 * An object that can be loaded from an `.npz` archive, alone or as a part of another: dfdx's `LoadFromNpz`.
 */
export interface LoadFromNpz {
  /**
   * Reads the module's tensors in place, from entries whose names begin with `prefix`. The promise resolves
   * after all its reads.
   */
  read(zip: NpzReader, prefix: string): Promise<void>;
}

/**
 * Saves a module to an `.npz` archive that dfdx 0.10 and `numpy.load` can read. The values are those at the
 * time of the call. The save is atomic: an existing file is replaced when the new one is complete.
 * @throws TypeError if `path` is not a path or `module` has no `write`; errors of the operating system. The
 * existing file is intact then.
 */
export async function saveNpz(path: FilePath, module: SaveToNpz): Promise<void> {
  if (arguments.length > 2) requireNoSurplus('saveNpz', 2, arguments);
  const file = readPath('path', path);
  requireMethod('module', module, 'write');
  const zip = new NpzWriter();
  callSync('write() of module', () => module.write(zip, ''));
  await withFileMemory(`saving ${file}`, () => replaceFile(file, (handle) => zip.writeTo(handle)));
}

/** Prefix of the entries of a checkpoint that are not the model's; `load` ignores them. */
export const checkpointPrefix = 'checkpoint.';

/**
 * Loads a module in place from an `.npz` archive, which may be a checkpoint. In `rename` and in the report,
 * names are without `.npy`.
 * @param path A path, or the content of the archive: its bytes, a `Blob` or `File`, or what `fetch` returned.
 * @returns The names that were not loaded; without options there are none.
 * @throws FileFormatError naming the file, the entry, what was expected and what was found: the first entry
 * that is missing, has another shape or type, or is not the module's. TypeError or RangeError naming the wrong
 * argument. Nothing has changed then.
 */
export async function loadNpz(
  path: FileSource,
  module: LoadFromNpz,
  options?: LoadOptions,
): Promise<LoadReport> {
  if (arguments.length > 3) requireNoSurplus('loadNpz', 3, arguments);
  const source = readSource('path', path);
  requireMethod('module', module, 'read');
  const loading = readLoadOptions(options);
  const others = (name: string) => loading.extra === 'ignore' || name.startsWith(checkpointPrefix);
  return readNpz(source, (zip) => module.read(zip, ''), others, loading);
}

/** Reads an archive; fails if an entry is neither read nor accepted by `others`. */
export async function readNpz(
  source: CheckedSource,
  read: (zip: NpzReader) => Promise<void>,
  others: (name: string) => boolean,
  { rename, strict }: Loading = readLoadOptions(undefined),
): Promise<LoadReport> {
  const file = nameOf(source);
  return withFileMemory(`loading ${file}`, async () => {
    const zip = await NpzReader.open(contentOf(source));
    try {
      zip.prepare((names) => rename(names, file), strict);
      await zip.transaction(async () => {
        await zip.awaited(() => read(zip));
        requireNone(
          file,
          zip.unread().filter((name) => !others(name)),
        );
      });
      const unexpected = zip.unread().filter((name) => !name.startsWith(checkpointPrefix));
      return { missing: zip.missing, unexpected: unexpected.map(withoutNpy) };
    } finally {
      zip.close();
    }
  });
}

function requireNone(file: string, extra: readonly string[]): void {
  if (extra.length === 0) return;
  const rest = extra.length === 1 ? '' : ` and ${extra.length - 1} more`;
  throw new FileFormatError(file, "no entries besides the module's", `${quote(extra[0])}${rest}`);
}

export function requireMethod(argument: string, value: unknown, method: string): void {
  const object = value as Record<string, unknown> | null | undefined;
  if (typeof object?.[method] !== 'function') {
    throw wrongType(argument, `an object with ${method}()`, value);
  }
}
