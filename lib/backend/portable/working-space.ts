import { outOfMemory } from '../../errors.js';
import { hasRoom } from './address-space.js';

/** Zeros for sums. @throws RangeError as the native backend does. */
export function workingSpace(length: number): Float64Array {
  try {
    // As the native backend, which has the memory of the system's allocator, leaves V8 some.
    if (!hasRoom(8 * length, 32 * 1024 * 1024)) throw outOfMemory(`${length} sums`);
    return new Float64Array(length);
  } catch (cause) {
    throw outOfMemory('the working space of an operation', { cause });
  }
}
