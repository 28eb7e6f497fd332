import { orDefault, requireBoolean, requireOptions, wrongType, wrongValue } from '../../validation/errors.js';
import { quote } from '../../validation/quote.js';
import { type Names, readRename, type Rename } from './rename.js';

/** Settings of `load`, `loadNpz` and `loadSafetensors`. */
export interface LoadOptions {
  /**
   * Whether to refuse or ignore entries of the file that the module does not read, which usually means that the
   * file belongs to another architecture. Default `'refuse'`, which throws a FileFormatError, or `'ignore'` with
   * `strict: false`.
   */
  readonly extra?: 'refuse' | 'ignore';
  /**
   * Whether the file must have every tensor of the module. Default true. With false, missing tensors keep
   * their values. Another shape is refused in both cases.
   */
  readonly strict?: boolean;
  /** The module's names of the file's tensors. By default they are the same. */
  readonly rename?: Rename;
}

/** The tensors that `load`, `loadNpz` and `loadSafetensors` did not load. */
export interface LoadReport {
  /** Names of the module's tensors that the file does not have; empty unless `strict` is false. */
  readonly missing: readonly string[];
  /** Names of the file's tensors that the module does not have; empty unless `extra` is `'ignore'`. */
  readonly unexpected: readonly string[];
}

/** Checked options. */
export interface Loading {
  readonly extra: 'refuse' | 'ignore';
  readonly strict: boolean;
  /** Renames the names of a file. */
  readonly rename: (names: readonly string[], file: string) => Names;
}

/** Checks the options. @throws TypeError or RangeError naming the wrong one. */
export function readLoadOptions(options: unknown): Loading {
  const given = requireOptions('options', options, ['extra', 'strict', 'rename']);
  const strict = requireBoolean('strict', orDefault(given.strict, true));
  const extra = orDefault(given.extra, strict ? 'refuse' : 'ignore');
  const rename = readRename(given.rename);
  if (extra === 'refuse' || extra === 'ignore') return { extra, strict, rename };
  const expected = "'refuse' or 'ignore'";
  throw typeof extra === 'string'
    ? wrongValue('extra', expected, quote(extra))
    : wrongType('extra', expected, extra);
}
