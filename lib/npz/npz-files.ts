import { wrongType } from '../errors.js';
import { type FilePath, readPath } from '../files/path.js';
import { replaceFile } from '../files/replace-file.js';
import { NpzReader } from './npz-reader.js';
import { NpzWriter } from './npz-writer.js';

/** What can be saved to an `.npz` archive, alone or as a part: dfdx's `SaveToNpz`. */
export interface SaveToNpz {
  /** Adds the module's tensors under names that begin with `prefix`. */
  write(zip: NpzWriter, prefix: string): void;
}

/** What can be loaded from an `.npz` archive, alone or as a part: dfdx's `LoadFromNpz`. */
export interface LoadFromNpz {
  /** Reads the module's tensors, in place, from names that begin with `prefix`. */
  read(zip: NpzReader, prefix: string): Promise<void>;
}

/**
 * Saves a module to an `.npz` archive that dfdx 0.10 and `numpy.load` read. The values are those at the
 * call. A file that was there is replaced at once, when the new one is complete.
 */
export async function saveNpz(path: FilePath, module: SaveToNpz): Promise<void> {
  const file = readPath('path', path);
  requireMethod('module', module, 'write');
  const zip = new NpzWriter();
  module.write(zip, '');
  await replaceFile(file, (handle) => zip.writeTo(handle));
}

/**
 * Loads a module from an `.npz` archive in place. Extra entries are ignored.
 * @throws FileFormatError naming file, entry, what was expected and what was found. Nothing has changed
 * then.
 */
export async function loadNpz(path: FilePath, module: LoadFromNpz): Promise<void> {
  const file = readPath('path', path);
  requireMethod('module', module, 'read');
  const zip = await NpzReader.open(file);
  try {
    await zip.together(() => module.read(zip, ''));
  } finally {
    zip.close();
  }
}

function requireMethod(argument: string, value: unknown, method: string): void {
  const object = value as Record<string, unknown> | null | undefined;
  if (typeof object?.[method] !== 'function') {
    throw wrongType(argument, `an object with ${method}()`, value);
  }
}
