import { outOfMemory } from '../../validation/errors.js';
import { hasAddressSpace, v8Reserve } from '../address-space.js';

/** Below this size the reserve is enough for V8. */
const smallBytes = 1024 * 1024;

/** Zeros for sums. @throws RangeError as the native backend does. */
export function workingSpace(length: number): Float64Array {
  const purpose = 'the working space of an operation';
  const bytes = Float64Array.BYTES_PER_ELEMENT * length;
  if (bytes >= smallBytes && !hasAddressSpace(bytes + v8Reserve)) throw outOfMemory(purpose);
  try {
    return new Float64Array(length);
  } catch (cause) {
    throw outOfMemory(purpose, undefined, { cause });
  }
}
