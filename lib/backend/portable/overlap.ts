import type { Operations } from '../operations.js';

/**
 * Two SharedArrayBuffers may be the same memory: a clone that another thread sent, or WebAssembly.Memory before and
 * after it grew. Such objects begin at the same address, so arrays in them overlap where their offsets do.
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

/** Not in every library of TypeScript's. */
interface WaitAsync {
  readonly waitAsync?: (
    array: Int32Array,
    index: number,
    value: number,
    timeout: number,
  ) => { readonly async: boolean };
}

/**
 * Asks without writing: who waits at a place of the one is woken at the same place of the other if and only if it
 * is the same memory. `byteOffset` is inside both arrays, so nobody else waits there.
 */
function isSameMemory(a: ArrayBufferLike, b: ArrayBufferLike, byteOffset: number): boolean {
  const wait = (Atomics as WaitAsync).waitAsync;
  // Where nobody can tell, an overlap is likelier to be refused wrongly than to compute wrong values.
  if (wait === undefined) return true;
  const here = new Int32Array(a, byteOffset, 1);
  const there = new Int32Array(b, byteOffset, 1);
  // Another thread may write between the two calls, which ends the wait before it begins.
  while (!wait(here, 0, Atomics.load(here, 0), Infinity).async);
  if (Atomics.notify(there, 0, 1) === 1) return true;
  Atomics.notify(here, 0, 1);
  return false;
}
