import type { Backend } from './backend.js';
import { plainError } from '../validation/errors.js';
import { loadAddon } from './load-addon.js';
import { describeAbsence } from './load-failure.js';
import { loadWasm } from './load-wasm.js';
import { nativeBackend } from './native.js';
import { portableBackend } from './portable/index.js';
import { readSettings } from './settings.js';

export type { Backend, CacheSizes } from './backend.js';
export type { BackendInfo } from './backend-info.js';
export type { Operations } from './operations.js';

/** The backend of this process, chosen once when the package is loaded. */
export const backend: Backend = choose();

function choose(): Backend {
  const { name, isa, threads } = readSettings(process.env);
  if (name === 'portable') return portableOn(threads);
  if (name === 'wasm') return forcedWasm(threads);

  const loaded = loadAddon();
  if ('addon' in loaded) return nativeBackend(loaded.addon, isa, threads);

  const { reason, cause, expected } = describeAbsence(loaded);
  if (name === 'native')
    throw plainError('ERR_BATCHNORM_BACKEND', `BATCHNORM_BACKEND=native, but ${reason}`, cause);
  if (isa !== undefined)
    throw plainError('ERR_BATCHNORM_BACKEND', `BATCHNORM_ISA=${isa}, but ${reason}`, cause);
  const fallback = withoutBinary(threads, reason);
  if (!expected) {
    const slower = fallback.info.name === 'wasm' ? 'WebAssembly' : 'TypeScript';
    process.emitWarning(`batchnorm runs on its slower ${slower} backend: ${fallback.info.reason}`);
  }
  return fallback;
}

function forcedWasm(threads: number | undefined): Backend {
  const loaded = loadWasm(threads);
  if ('backend' in loaded) return withThreads(loaded.backend, threads);
  throw plainError('ERR_BATCHNORM_BACKEND', `BATCHNORM_BACKEND=wasm, but ${loaded.missing}`);
}

/** The fastest backend that needs no binary of this platform. */
function withoutBinary(threads: number | undefined, reason: string): Backend {
  const loaded = loadWasm(threads, reason);
  if ('missing' in loaded) {
    return portableOn(threads, loaded.expected ? reason : `${reason}; ${loaded.missing}`);
  }
  return withThreads(loaded.backend, threads, reason);
}

/** The WebAssembly backend; fails if more threads are forced where it has one. */
function withThreads(wasm: Backend, threads: number | undefined, reason?: string): Backend {
  if (wasm.info.threads === 1) requireOneThread('WebAssembly', threads, reason);
  return wasm;
}

/** The TypeScript backend; fails if more threads are forced than it has. */
function portableOn(threads: number | undefined, reason?: string): Backend {
  requireOneThread('TypeScript', threads, reason);
  return portableBackend(reason);
}

function requireOneThread(language: string, threads: number | undefined, reason?: string): void {
  if (threads === undefined || threads === 1) return;
  const cause = reason === undefined ? '' : `: ${reason}`;
  throw plainError(
    'ERR_BATCHNORM_BACKEND',
    `BATCHNORM_NUM_THREADS=${threads}, but the ${language} backend computes on one thread${cause}`,
  );
}
