import { plainError, rangeError } from '../validation/errors.js';
import type { BackendInfo } from './backend-info.js';
import { maxThreads } from './backend.js';

/** The choices that environment variables force. */
export interface Settings {
  readonly name: BackendInfo['name'] | undefined;
  readonly isa: string | undefined;
  readonly threads: number | undefined;
}

const isas = ['avx512', 'avx2', 'neon', 'scalar'];

/** Reads BATCHNORM_BACKEND, BATCHNORM_ISA and BATCHNORM_NUM_THREADS; an empty variable counts as unset. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const read = (variable: string) => (environment[variable] === '' ? undefined : environment[variable]);
  const name = read('BATCHNORM_BACKEND');
  const isa = read('BATCHNORM_ISA');
  const threads = read('BATCHNORM_NUM_THREADS');
  if (name !== undefined && !isName(name)) {
    throw invalid('BATCHNORM_BACKEND', 'native, wasm or portable', name);
  }
  if (isa !== undefined && !isas.includes(isa)) {
    throw invalid('BATCHNORM_ISA', 'avx512, avx2, neon or scalar', isa);
  }
  if (isa !== undefined && (name === 'portable' || name === 'wasm')) {
    throw plainError(
      'ERR_BATCHNORM_BACKEND',
      `BATCHNORM_ISA=${isa} chooses native kernels, but BATCHNORM_BACKEND=${name} forbids them`,
    );
  }
  return { name, isa, threads: threads === undefined ? undefined : threadCount(threads) };
}

function isName(text: string): text is BackendInfo['name'] {
  return text === 'native' || text === 'wasm' || text === 'portable';
}

function threadCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > maxThreads) {
    throw invalid('BATCHNORM_NUM_THREADS', `an integer from 1 to ${maxThreads}`, text);
  }
  return count;
}

function invalid(variable: string, expected: string, received: string): Error {
  return rangeError(
    'ERR_BATCHNORM_BACKEND',
    `Expected ${expected} for ${variable} but received ${JSON.stringify(received)}`,
  );
}
