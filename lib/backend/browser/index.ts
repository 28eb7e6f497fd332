import { plainError } from '../../validation/errors.js';
import type { Backend } from '../backend.js';
import { portableBackend } from '../portable/index.js';
import { wasmBackend } from '../wasm/index.js';
import { webAssembly } from '../wasm/web-assembly.js';
import { wasmModule } from './wasm-module.js';

// Takes the place of lib/backend/index.ts in bundles for browsers.

export type { Backend, CacheSizes } from '../backend.js';
export type { BackendInfo } from '../backend-info.js';
export type { Operations } from '../operations.js';

/** The backend of this page or worker, chosen once when the package is loaded. */
export const backend: Backend = await choose();

async function choose(): Promise<Backend> {
  if (webAssembly === undefined) return portableBackend('this browser has no WebAssembly');
  let bytes: Uint8Array;
  try {
    bytes = await wasmModule();
  } catch (cause) {
    throw plainError('ERR_BATCHNORM_BACKEND', 'The WebAssembly module of batchnorm could not be loaded', {
      cause,
    });
  }
  try {
    return wasmBackend(await webAssembly.compile(bytes));
  } catch (error) {
    return portableBackend(`the WebAssembly module does not load: ${String(error)}`);
  }
}
