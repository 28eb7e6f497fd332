import type { ErrorCode } from '../../validation/errors.js';
import { escapeInvisible, quote, shorten } from '../../validation/quote.js';

/**
 * Maximum length of the text in a message that comes from the file: types, shapes and damaged headers may
 * have megabytes.
 */
const maxFound = 500;

/**
 * The content of a file differs from what was expected. The message names the file, the entry, what was
 * expected and what was found.
 */
export class FileFormatError extends Error {
  /** `'FileFormatError'` */
  override readonly name = 'FileFormatError';
  /** `'ERR_BATCHNORM_FILE_FORMAT'` */
  readonly code = 'ERR_BATCHNORM_FILE_FORMAT' satisfies ErrorCode;

  /** Builds the message from what was expected in the file and what was found. */
  constructor(
    /** Path of the file. */
    readonly file: string,
    expected: string,
    found: string,
    /** Name of the entry in the file, if the error concerns one. */
    readonly entry?: string,
    options?: ErrorOptions,
  ) {
    const place = entry === undefined ? file : `${quote(entry)} of ${file}`;
    const shown = escapeInvisible(shorten(found, maxFound));
    super(`Expected ${expected} in ${place} but found ${shown}`, options);
  }
}
