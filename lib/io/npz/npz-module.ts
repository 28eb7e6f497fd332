import type { FilePath } from '../files/path.js';
import { BaseModule } from '../../nn/base-module.js';
import { loadNpz, type LoadFromNpz, type LoadOptions, saveNpz, type SaveToNpz } from './npz-files.js';
import type { NpzReader } from './npz-reader.js';
import type { NpzWriter } from './npz-writer.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** A module that can be saved and loaded on its own. */
export abstract class NpzModule extends BaseModule implements SaveToNpz, LoadFromNpz {
  static {
    guardMethods(this);
  }

  /** Adds the module's tensors, under names that begin with `prefix`. */
  abstract write(zip: NpzWriter, prefix: string): void;

  /** Reads the module's tensors in place, from entries whose names begin with `prefix`. */
  abstract read(zip: NpzReader, prefix: string): Promise<void>;

  /**
   * Saves to an `.npz` archive that dfdx 0.10 and `numpy.load` can read. The save is atomic: a killed process
   * leaves the previous file intact.
   * @throws TypeError if `path` is not a path; errors of the operating system. The previous file is intact
   * then.
   */
  async save(path: FilePath): Promise<void> {
    return saveNpz(path, this);
  }

  /**
   * Loads from an `.npz` archive in place. Arrays of numbers of any type are converted to float32.
   * @throws FileFormatError naming the file, the entry, what was expected and what was found: the first entry
   * that is missing, has another shape or type, or is not this module's. Nothing has changed then.
   */
  async load(path: FilePath, options?: LoadOptions): Promise<void> {
    return loadNpz(path, this, options);
  }
}
