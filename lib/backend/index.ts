import { type Backend, maxThreads } from './backend.js';
import { plainError, wrongType, wrongValue } from '../validation/errors.js';
import { loadAddon, type LoadedAddon } from './load-addon.js';
import { describeLoadFailure } from './load-failure.js';
import { nativeBackend } from './native.js';
import { portableBackend } from './portable/index.js';
import { readSettings } from './settings.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

export type { Backend, CacheSizes } from './backend.js';
export type { BackendInfo } from './backend-info.js';
export type { Operations } from './operations.js';

/** The backend of this process, chosen once when the package is loaded. */
export const backend: Backend = choose();

function choose(): Backend {
  const { name, isa, threads } = readSettings(process.env);
  if (name === 'portable') return portableOn(threads);

  const loaded = loadAddon();
  if ('addon' in loaded) return nativeBackend(loaded.addon, isa, threads);

  const { reason, cause, expected } = describeAbsence(loaded);
  if (name === 'native')
    throw plainError('ERR_BATCHNORM_BACKEND', `BATCHNORM_BACKEND=native, but ${reason}`, cause);
  if (isa !== undefined)
    throw plainError('ERR_BATCHNORM_BACKEND', `BATCHNORM_ISA=${isa}, but ${reason}`, cause);
  const portable = portableOn(threads, reason);
  if (!expected) {
    process.emitWarning(`batchnorm runs on its slower TypeScript backend: ${reason}`);
  }
  return portable;
}

/** Why there is no addon, and whether that is no surprise: a platform without a binary. */
function describeAbsence(loaded: Exclude<LoadedAddon, { addon: unknown }>) {
  if ('missing' in loaded) return { reason: loaded.missing, expected: true };
  if ('lost' in loaded) return { reason: loaded.lost, expected: false };
  const cause = { cause: loaded.broken };
  return { reason: describeLoadFailure(loaded.broken), cause, expected: false };
}

/** The TypeScript backend, unless more threads are forced than it has. */
function portableOn(threads: number | undefined, reason?: string): Backend {
  if (threads !== undefined && threads > 1) {
    const cause = reason === undefined ? '' : `: ${reason}`;
    throw plainError(
      'ERR_BATCHNORM_BACKEND',
      `BATCHNORM_NUM_THREADS=${threads}, but the TypeScript backend computes on one thread${cause}`,
    );
  }
  return portableBackend(reason);
}

/**
 * Sets how many threads a large operation may use, the caller's included, in the whole process: workers share
 * them. At first it is what affinity and cgroup quota leave, or `BATCHNORM_NUM_THREADS`. Results are the same
 * bits for any number; small operations stay on the caller's thread, and those of the TypeScript backend always
 * do. `backend.threads` says how many there are.
 *
 * @param count From 1 to 256.
 * @throws TypeError or RangeError for what is no such number.
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
