import type { ErrorCode } from '../../validation/errors.js';

/** A file is not what was expected in it. The message names the file, the entry, what was expected and
 * what was found. */
export class FileFormatError extends Error {
  /** `'FileFormatError'` */
  override readonly name = 'FileFormatError';
  /** `'ERR_BATCHNORM_FILE_FORMAT'` */
  readonly code = 'ERR_BATCHNORM_FILE_FORMAT' satisfies ErrorCode;

  /** Words the message from what was expected in the file and what was found. */
  constructor(
    /** Path of the file. */
    readonly file: string,
    expected: string,
    found: string,
    /** Name of the entry in the file, where it is about one. */
    readonly entry?: string,
    options?: ErrorOptions,
  ) {
    const place = entry === undefined ? file : `${JSON.stringify(entry)} of ${file}`;
    super(`Expected ${expected} in ${place} but found ${found}`, options);
  }
}
