import { plainError } from '../../validation/errors.js';
import type { Backend } from '../backend.js';
import { portableBackend } from '../portable/index.js';
import { wasmBackend } from '../wasm/index.js';
import { wasmParts, webAssembly } from '../wasm/web-assembly.js';
import { wasmModule } from './wasm-module.js';

// Takes the place of lib/backend/index.ts in bundles for browsers.

export type { Backend, CacheSizes } from '../backend.js';
export type { BackendInfo } from '../backend-info.js';
export type { Operations } from '../operations.js';

/** The backend of this page or worker, chosen once when the package is loaded. */
export const backend: Backend = await choose();

async function choose(): Promise<Backend> {
  try {
    if (webAssembly === undefined) {
      throw plainError('ERR_BATCHNORM_BACKEND', 'this browser has no WebAssembly');
    }
    // Pages share memory with workers only if HTTP headers isolate them.
    const { bytes, memory } = wasmParts(webAssembly, await wasmModule(), false);
    return wasmBackend(await webAssembly.compile(bytes), memory);
  } catch (error) {
    // The module was not copied with the bundle, a content security policy forbids it, or the browser lacks SIMD.
    const reason = `the WebAssembly module does not load: ${String(error)}`;
    console.warn(`batchnorm runs on its slower TypeScript backend: ${reason}`);
    return portableBackend(reason);
  }
}
