// With BATCHNORM_POISON=1 memory in the pool is full of one NaN: whoever reads a tensor's values after they were
// given back gets NaN, and whoever writes them is noticed when they are handed out again.

import { plainError } from '../validation/errors.js';

/** A quiet NaN that no arithmetic makes. */
const pattern = 0x7fc0dead;

export const poisoning = process.env.BATCHNORM_POISON === '1';

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Fills memory that is free from now on, or that was never written. */
export function poison(values: Float32Array): void {
  bitsOf(values).fill(pattern);
}

/** Throws where somebody has written free memory. */
export function requirePoison(values: Float32Array): void {
  const place = bitsOf(values).findIndex((bits) => bits !== pattern);
  if (place < 0) return;
  throw plainError(
    'ERR_BATCHNORM_INTERNAL',
    `Expected free memory of ${values.length} values as it was given back, but value ${place} was written since`,
  );
}
