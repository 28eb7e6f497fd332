import { plainError } from '../../validation/errors.js';

// Takes the place of path.ts in bundles for browsers.

/** @throws Error, because browsers have no file system. */
export function readPath(argument: string): never {
  throw plainError(
    'ERR_BATCHNORM_TYPE',
    `Browsers have no file system, so ${argument} cannot be a path. What loads takes the response of fetch(), a File, a Blob or an ArrayBuffer; saving is not available`,
  );
}
