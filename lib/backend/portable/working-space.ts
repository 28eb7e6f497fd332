import { outOfMemory } from '../../validation/errors.js';
import { hasAddressSpace, v8Reserve } from '../address-space.js';

/** Below this size the reserve is enough for V8. */
const smallBytes = 1024 * 1024;

/**
 * Allocates zeros for sums.
 * @throws RangeError if the memory cannot be allocated, as in the native backend.
 */
export function workingSpace(length: number): Float64Array {
  return allocate(Float64Array, length);
}

/**
 * Allocates zeros for intermediate results.
 * @throws RangeError if the memory cannot be allocated.
 */
export function workingFloats(length: number): Float32Array {
  return allocate(Float32Array, length);
}

function allocate<A>(
  Class: { new (length: number): A; readonly BYTES_PER_ELEMENT: number },
  length: number,
): A {
  const purpose = 'the working space of an operation';
  const bytes = Class.BYTES_PER_ELEMENT * length;
  if (bytes >= smallBytes && !hasAddressSpace(bytes + v8Reserve)) throw outOfMemory(purpose);
  try {
    return new Class(length);
  } catch (cause) {
    throw outOfMemory(purpose, undefined, { cause });
  }
}
