// With BATCHNORM_POISON=1 the pool fills free memory with one NaN. Reading values after their release yields NaN, and
// writing to them is detected when the memory is handed out again.

import { plainError } from '../validation/errors.js';

/** A quiet NaN that arithmetic never produces. */
const pattern = 0x7fc0dead;

export const poisoning = process.env.BATCHNORM_POISON === '1';

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Fills memory that has just become free or was never written. */
export function poison(values: Float32Array): void {
  bitsOf(values).fill(pattern);
}

/** Throws if free memory was written. */
export function requirePoison(values: Float32Array): void {
  const place = bitsOf(values).findIndex((bits) => bits !== pattern);
  if (place < 0) return;
  throw plainError(
    'ERR_BATCHNORM_INTERNAL',
    `Expected free memory of ${values.length} values as it was released, but value ${place} was written since`,
  );
}
