import type { BackendInfo } from './backend-info.js';
import type { Operations } from './operations.js';
import type { PlanCalls } from './plan-calls.js';
import type { BlockAllocator } from './wasm/block.js';

/**
 * The interface of every backend. All arrays are contiguous. An array of the wrong type, or shorter than the
 * sizes require, is a TypeError that names the argument.
 */
export interface Backend extends Operations {
  readonly info: BackendInfo;
  /** Gives the calling JavaScript thread its own pool with this many threads, including itself. */
  readonly ownThreads: (count: number) => void;
  /** Frees all unreachable objects, including the memory of array buffers. */
  readonly collectGarbage: () => void;
  /**
   * The cache sizes by which the kernels divide their work; undefined for a backend that does not divide it.
   */
  readonly cacheSizes: () => CacheSizes | undefined;
  /** Memory for tensors that the operations use without copying; other arrays work, too. */
  readonly blocks?: BlockAllocator;
  /** Runs whole plans; undefined for a backend that runs one operation at a time. */
  readonly plans?: PlanCalls;
}

/** Bytes of a core's first two cache levels, and of the last level. */
export interface CacheSizes {
  readonly l1: number;
  readonly l2: number;
  readonly last: number;
}

/** The maximum number of threads. */
export const maxThreads = 256;
