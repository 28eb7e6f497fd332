import { plainError } from '../validation/errors.js';
import { backendInfo } from './backend-info.js';
import type { Backend } from './backend.js';
import type { Addon } from './load-addon.js';

/** The addon as a backend. `isa` and `threads` force a choice; one that cannot be had throws. */
export function nativeBackend(addon: Addon, isa: string | undefined, threads: number | undefined): Backend {
  if (isa !== undefined && !addon.selectIsa(isa)) {
    throw plainError(
      'ERR_BATCHNORM_BACKEND',
      `Expected an instruction set of this processor for BATCHNORM_ISA but received ${JSON.stringify(isa)}`,
    );
  }
  if (threads !== undefined) addon.setThreads(threads);
  const info = backendInfo('native', addon.isa(), () => addon.threads());
  // A plain object with the addon's functions as own members: no wrapper between a call and C++.
  return { ...addon, info };
}
