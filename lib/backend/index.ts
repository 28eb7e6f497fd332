import type { Backend } from './backend.js';
import { describeLoadFailure } from './load-failure.js';
import { loadAddon, nativeBackend } from './native.js';
import { portableBackend } from './portable/index.js';
import { readSettings } from './settings.js';

export type { Arithmetic, Backend, BackendInfo, CacheSizes, Unary } from './backend.js';

/** The backend of this process, chosen once when the package is loaded. */
export const backend: Backend = choose();

function choose(): Backend {
  const { name, isa, threads } = readSettings(process.env);
  if (name === 'portable') return portableBackend();

  let loaded: ReturnType<typeof loadAddon>;
  try {
    loaded = loadAddon();
  } catch (cause) {
    const reason = describeLoadFailure(cause);
    if (name === 'native') throw new Error(`BATCHNORM_BACKEND=native, but ${reason}`, { cause });
    refuseForcedIsa(isa, reason);
    process.emitWarning(`batchnorm runs on its slower TypeScript backend: ${reason}`);
    return portableBackend(reason);
  }
  if ('addon' in loaded) return nativeBackend(loaded.addon, isa, threads);
  if (name === 'native') throw new Error(`BATCHNORM_BACKEND=native, but ${loaded.missing}`);
  refuseForcedIsa(isa, loaded.missing);
  return portableBackend(loaded.missing);
}

function refuseForcedIsa(isa: string | undefined, reason: string): void {
  if (isa !== undefined) throw new Error(`BATCHNORM_ISA=${isa}, but ${reason}`);
}
