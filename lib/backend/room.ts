import { getHeapStatistics } from 'node:v8';
import { outOfMemory } from '../validation/errors.js';
import { hasAddressSpace } from './address-space.js';
import { backend } from './index.js';

// Under a limit such as `ulimit -v`, an allocation that fails throws a RangeError, but V8 first collects
// garbage, and where the collector itself finds no memory it ends the process. So it must never come
// to that: a part of the memory is left to V8.

/** What V8 takes for a collection, several times over. */
const leftToV8 = 32 * 1024 * 1024;

/** Asking costs microseconds; small allocations are checked together. */
const checkedEvery = 1024 * 1024;

let unchecked = checkedEvery;

/** To be called before so much fresh memory is allocated. @throws RangeError where it is not to be had. */
export function requireRoom(bytes: number): void {
  if (unchecked + bytes < checkedEvery) {
    unchecked += bytes;
    return;
  }
  if (!backend.hasRoom(bytes, leftToV8)) {
    backend.collectGarbage();
    if (!backend.hasRoom(bytes, leftToV8)) throw outOfMemory(`${bytes} bytes`);
  }
  unchecked = 0;
}

/** Fresh zeros for `what`. @throws RangeError that names it. */
export function freshFloats(what: string, length: number): Float32Array {
  return freshArray(Float32Array, what, length);
}

/** As `freshFloats`, of any type. */
export function freshArray<A>(
  Class: { new (length: number): A; readonly BYTES_PER_ELEMENT: number },
  what: string,
  length: number,
): A {
  try {
    requireRoom(Class.BYTES_PER_ELEMENT * length);
    return new Class(length);
  } catch (cause) {
    throw outOfMemory(`${what} of ${length} values`, { cause });
  }
}

/** What an array of numbers takes for each while it is built and grows. */
export const bytesPerNumber = 24;

/**
 * To be called before so many bytes of JavaScript arrays and strings are made: V8 aborts the process where its
 * heap has no memory for them. Small amounts are not checked.
 * @throws RangeError where they do not fit.
 */
export function ensureHeap(what: string, bytes: number): void {
  if (bytes < checkedEvery) return;
  try {
    requireRoom(bytes);
    if (!fitsHeap(bytes)) {
      backend.collectGarbage();
      if (!fitsHeap(bytes)) throw outOfMemory(`${bytes} bytes in the heap`);
    }
  } catch (cause) {
    throw outOfMemory(what, { cause });
  }
}

function fitsHeap(bytes: number): boolean {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  return used + bytes <= limit && hasAddressSpace(bytes + leftToV8);
}
