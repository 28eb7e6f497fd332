import { getHeapStatistics } from 'node:v8';
import { outOfMemory } from '../validation/errors.js';
import { hasAddressSpace, v8Reserve } from './address-space.js';
import { backend } from './index.js';

// When an allocation fails, V8 first collects garbage, and it aborts the process if the collector itself
// finds no memory. Under a limit such as `ulimit -v` we therefore check before we allocate, and leave V8 a
// reserve.

/** A check costs microseconds, so small allocations share one per this many bytes. */
const checkedEvery = 1024 * 1024;

/** Maximum address space of a process; the addon refuses sizes from 2^48 on. */
const maxAddressSpace = 2 ** 47;

let unchecked = checkedEvery;

/**
 * Call this before allocating `bytes` of fresh memory.
 * @param purpose Purpose of the memory in the message, such as `a copy of labels`.
 * @throws RangeError if there is too little memory.
 */
export function ensureMemory(purpose: string, bytes: number): void {
  if (unchecked + bytes < checkedEvery) {
    unchecked += bytes;
    return;
  }
  if (!fitsMemory(bytes)) {
    backend.collectGarbage();
    if (!fitsMemory(bytes)) throw outOfMemory(purpose, bytes);
  }
  unchecked = 0;
}

function fitsMemory(bytes: number): boolean {
  return bytes < maxAddressSpace && backend.hasRoom(bytes, v8Reserve);
}

/**
 * Allocates an array of zeros.
 * @param purpose Purpose of the memory in the message, such as `a copy of labels`.
 * @throws RangeError if there is too little memory.
 */
export function freshFloats(purpose: string, length: number): Float32Array {
  return freshArray(Float32Array, purpose, length);
}

/** As `freshFloats`, for any typed array. */
export function freshArray<A>(
  Class: { new (length: number): A; readonly BYTES_PER_ELEMENT: number },
  purpose: string,
  length: number,
): A {
  const bytes = Class.BYTES_PER_ELEMENT * length;
  ensureMemory(purpose, bytes);
  try {
    return new Class(length);
  } catch (cause) {
    throw outOfMemory(purpose, bytes, { cause });
  }
}

/** Heap bytes per number of an array that is being built and grows. */
export const bytesPerNumber = 24;

/**
 * Call this before creating `bytes` of JavaScript arrays and strings, because V8 aborts the process if its
 * heap has no memory for them. Small amounts are not checked.
 * @throws RangeError if they do not fit.
 */
export function ensureHeap(purpose: string, bytes: number): void {
  if (bytes < checkedEvery) return;
  ensureMemory(purpose, bytes);
  if (fitsHeap(bytes)) return;
  backend.collectGarbage();
  if (!fitsHeap(bytes)) throw outOfMemory(purpose, bytes);
}

function fitsHeap(bytes: number): boolean {
  const { heap_size_limit: limit, used_heap_size: used } = getHeapStatistics();
  return used + bytes <= limit && hasAddressSpace(bytes + v8Reserve);
}
