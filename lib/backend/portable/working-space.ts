import { outOfMemory } from '../../validation/errors.js';

/** Zeros for sums. @throws RangeError as the native backend does. */
export function workingSpace(length: number): Float64Array {
  try {
    return new Float64Array(length);
  } catch (cause) {
    throw outOfMemory('the working space of an operation', { cause });
  }
}
