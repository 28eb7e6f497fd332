import { maxThreads } from './backend.js';
import { backend } from './index.js';
import { wrongType, wrongValue } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/**
 * Sets how many threads a large operation may use, the caller's included. The number holds for the whole process, workers
 * included; each worker of `spawnWorkers` has its own; on the WebAssembly backend, every worker has its own. The initial
 * number follows from the affinity and the cgroup quota, or from `BATCHNORM_NUM_THREADS`. It never changes the bits of a
 * result. Small operations run on the caller's thread, and so do all operations of the TypeScript backend and, where it has
 * no threads, of the WebAssembly backend. `backend.threads` returns the current number.
 *
 * @param count An integer from 1 to 256.
 * @throws TypeError if `count` is not a number, RangeError if it is out of range.
 */
export function setNumThreads(count: number): void {
  if (arguments.length > 1) requireNoSurplus('setNumThreads', 1, arguments);
  const expected = `an integer from 1 to ${maxThreads}`;
  if (typeof count !== 'number') throw wrongType('count', expected, count);
  if (!Number.isInteger(count) || count < 1 || count > maxThreads) {
    throw wrongValue('count', expected, String(count));
  }
  backend.setThreads(count);
}
