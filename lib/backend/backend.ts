import type { BackendInfo } from './backend-info.js';
import type { Operations } from './operations.js';

/**
 * What every backend can do. All arrays are contiguous; a call whose arrays are shorter than the sizes say, or of
 * another type, is a TypeError that names the argument.
 */
export interface Backend extends Operations {
  readonly info: BackendInfo;
  /** Frees everything unreachable, the memory of array buffers included. */
  readonly collectGarbage: () => void;
  /** The cache sizes that the kernels divide their work by; undefined where nothing is divided. */
  readonly cacheSizes: () => CacheSizes | undefined;
}

/** Bytes of a core's first two cache levels, and of the last level. */
export interface CacheSizes {
  readonly l1: number;
  readonly l2: number;
  readonly last: number;
}

/** The maximum number of threads. */
export const maxThreads = 256;
