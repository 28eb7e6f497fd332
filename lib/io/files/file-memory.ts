import { ensureMemory } from '../../backend/allocation.js';
import { outOfMemory } from '../../validation/errors.js';
import { isRangeError } from '../../validation/realm.js';

const megabyte = 1024 * 1024;
/** Memory that the kernel reserves for the stack of a thread. */
const stackBytes = 8 * megabyte;
/**
 * Allowance for the modules that read archives, streams, and chunks that the garbage collector has not freed
 * yet.
 */
const buffersBytes = 16 * megabyte;

/**
 * Whether Node has started its threads for file operations; it ends the process if there is no memory for
 * their stacks.
 */
let threadsRun = false;

/**
 * Runs an operation on a file. Allocations that fail meanwhile become a RangeError with a code of this
 * package.
 * @param purpose Purpose of the memory in messages, such as `loading net.npz`.
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

/**
 * Whether an error of Node, zlib or V8 reports a failed allocation. This package's own errors are excluded:
 * they already name the purpose of the memory.
 */
function isOutOfMemory(error: unknown): boolean {
  // A user's promise may be rejected with any value.
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (code === undefined) return isRangeError(error) && message === 'Array buffer allocation failed';
  return code === 'ENOMEM' || code === 'Z_MEM_ERROR' || code === 'ERR_MEMORY_ALLOCATION_FAILED';
}
