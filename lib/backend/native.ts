import { plainError } from '../validation/errors.js';
import { backendInfo } from './backend-info.js';
import type { Backend } from './backend.js';
import type { Addon } from './load-addon.js';

/**
 * The addon as a backend.
 * @param isa The forced instruction set.
 * @param threads The forced number of threads.
 * @throws Error if the processor does not support the forced instruction set.
 */
export function nativeBackend(addon: Addon, isa: string | undefined, threads: number | undefined): Backend {
  if (isa !== undefined && !addon.selectIsa(isa)) {
    throw plainError(
      'ERR_BATCHNORM_BACKEND',
      `Expected an instruction set of this processor for BATCHNORM_ISA but received ${JSON.stringify(isa)}`,
    );
  }
  if (threads !== undefined) addon.setThreads(threads);
  const info = backendInfo('native', addon.isa(), () => addon.threads());
  // A plain object whose own members are the addon's functions, so that calls reach C++ without a wrapper.
  const { mpi: _, ...operations } = addon;
  return { ...operations, info };
}
