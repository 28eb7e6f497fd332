import { ensureMemory } from '../../backend/allocation.js';
import { outOfMemory } from '../../validation/errors.js';
import { isRangeError } from '../../validation/realm.js';

const megabyte = 1024 * 1024;
/** What the kernel reserves for the stack of a thread. */
const stackBytes = 8 * megabyte;
/** Modules for archives, streams, and chunks that wait for the garbage collector. */
const buffersBytes = 16 * megabyte;

/** Whether Node has started the threads of its file operations, without whose stacks it ends the process. */
let threadsRun = false;

/**
 * Reads or writes a file; memory that cannot be allocated meanwhile is a RangeError with a code of this package.
 * @param purpose What the memory is for, such as `loading net.npz`.
 */
export async function withFileMemory<T>(purpose: string, operate: () => Promise<T>): Promise<T> {
  try {
    if (!threadsRun) ensureMemory(purpose, buffersBytes + threadCount() * stackBytes);
    threadsRun = true;
    return await operate();
  } catch (cause) {
    throw isOutOfMemory(cause) ? outOfMemory(purpose, undefined, { cause }) : cause;
  }
}

/** libuv's default is 4, and its limit 1024. */
function threadCount(): number {
  const count = Number(process.env.UV_THREADPOOL_SIZE ?? 4);
  return Number.isInteger(count) && count > 0 ? Math.min(count, 1024) : 4;
}

/** Whether an error of Node, zlib or V8 says that memory could not be allocated. Errors of this package name what
 * they lacked memory for. */
function isOutOfMemory(error: unknown): boolean {
  // A promise of the user's may be rejected with anything.
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (code === undefined) return isRangeError(error) && message === 'Array buffer allocation failed';
  return code === 'ENOMEM' || code === 'Z_MEM_ERROR' || code === 'ERR_MEMORY_ALLOCATION_FAILED';
}
