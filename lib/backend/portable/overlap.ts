import type { Operations } from '../operations.js';

/**
 * Two SharedArrayBuffers may be the same memory: a clone that another thread sent, or a WebAssembly.Memory
 * before and after it grew. Such objects begin at the same address, so arrays in them overlap if their
 * offsets do.
 */
export const overlap: Operations['overlap'] = (aLength, a, bLength, b) => {
  const begin = Math.max(a.byteOffset, b.byteOffset);
  const end = Math.min(a.byteOffset + 4 * aLength, b.byteOffset + 4 * bLength);
  if (begin >= end) return false;
  if (a.buffer === b.buffer) return true;
  return isShared(a.buffer) && isShared(b.buffer) && isSameMemory(a.buffer, b.buffer, begin);
};

function isShared(buffer: ArrayBufferLike): boolean {
  return buffer[Symbol.toStringTag] === 'SharedArrayBuffer';
}

/** Declared here because not every version of TypeScript's library has it. */
interface WaitAsync {
  readonly waitAsync?: (
    array: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ) => { readonly async: boolean };
}

/**
 * Tests without writing: a waiter at an address of one buffer is woken through the same address of the other
 * if and only if they are the same memory. `byteOffset` is inside both arrays, so there are no other waiters.
 */
function isSameMemory(a: ArrayBufferLike, b: ArrayBufferLike, byteOffset: number): boolean {
  const wait = (Atomics as WaitAsync).waitAsync;
  // Without waitAsync, assume an overlap: refusing a valid call is better than computing wrong values.
  if (wait === undefined) return true;
  const here = new Int32Array(a, byteOffset, 1);
  const there = new Int32Array(b, byteOffset, 1);
  // Another thread may write between the load and the wait, which ends the wait before it begins; try again.
  while (!wait(here, 0, Atomics.load(here, 0), Infinity).async);
  if (Atomics.notify(there, 0, 1) === 1) return true;
  Atomics.notify(here, 0, 1);
  return false;
}
