import { loadAddon, type MpiAddon } from '../backend/load-addon.js';
import { describeAbsence } from '../backend/load-failure.js';
import { type CodedError, plainError } from '../validation/errors.js';
import type { Launcher } from './launcher.js';

/** An Error for MPI that is missing or does not work. */
export function mpiError(message: string): CodedError {
  return plainError('ERR_BATCHNORM_MPI', message, undefined, mpiError);
}

/**
 * Loads the MPI library of the launcher, or the one that BATCHNORM_MPI_LIBRARY names.
 * @throws Error with the code `ERR_BATCHNORM_MPI` if there is none.
 */
export function loadMpi(launcher: Launcher): MpiAddon {
  if (process.platform === 'win32') {
    throw mpiError('MPI is not supported on Windows. Use spawnWorkers() instead of mpiexec');
  }
  const loaded = loadAddon();
  if (!('addon' in loaded)) {
    const { reason } = describeAbsence(loaded);
    throw mpiError(
      `MPI needs the native binary of batchnorm, but ${reason}. ` +
        '`npm install batchnorm` adds a missing one; without it, use spawnWorkers() instead of an MPI launcher',
    );
  }
  const { mpi } = loaded.addon;
  const forced = process.env.BATCHNORM_MPI_LIBRARY ?? '';
  if (forced !== '') {
    const reason = mpi.load(forced);
    if (reason === undefined) return mpi;
    throw mpiError(`BATCHNORM_MPI_LIBRARY names a library that cannot be used: ${reason}`);
  }
  const reasons: string[] = [];
  for (const path of launcher.libraries) {
    const reason = mpi.load(path);
    if (reason === undefined) return mpi;
    reasons.push(reason);
  }
  throw mpiError(
    `This process was started by ${launcher.name}, but its MPI library cannot be loaded: ${reasons[0] ?? ''}. ` +
      `Install it with ${launcher.install}, or set BATCHNORM_MPI_LIBRARY to its file`,
  );
}
