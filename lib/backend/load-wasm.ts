import { readFileSync } from 'node:fs';
import type { Backend } from './backend.js';
import { wasmPaths } from './binary-paths.js';
import { wasmBackend } from './wasm/index.js';
import { wasmParts, webAssembly, type WasmApi } from './wasm/web-assembly.js';
import { workerHost } from './wasm-workers.js';

/**
 * The WebAssembly backend, or why it is unavailable, and whether that is expected: in a bundle without the module.
 * @param threads The number of threads that is forced. The backend has one thread where workers are forbidden.
 * @param reason Why the native backend was not loaded.
 */
export function loadWasm(
  threads: number | undefined,
  reason?: string,
): { backend: Backend } | { missing: string; expected: boolean } {
  if (webAssembly === undefined) return { missing: 'this engine has no WebAssembly', expected: false };
  const bytes = readModule();
  if (bytes === undefined) return { missing: 'no WebAssembly module is present', expected: true };
  try {
    return {
      backend: onThreads(webAssembly, bytes, threads, reason) ?? onOneThread(webAssembly, bytes, reason),
    };
  } catch (error) {
    // A CompileError where the engine lacks SIMD, a RangeError where a limit of the address space leaves no memory.
    const { message } = error as { message?: unknown };
    return {
      missing: `the WebAssembly module does not load: ${String(message ?? error)}`,
      expected: false,
    };
  }
}

function onOneThread(api: WasmApi, file: Uint8Array, reason: string | undefined): Backend {
  const { bytes, memory } = wasmParts(api, file, false);
  return wasmBackend(new api.Module(bytes), memory, undefined, reason);
}

/** Undefined if one thread is forced, or if the engine has no workers or no memory that is shared with them. */
function onThreads(
  api: WasmApi,
  file: Uint8Array,
  threads: number | undefined,
  reason: string | undefined,
): Backend | undefined {
  const host = threads === 1 ? undefined : workerHost(threads);
  if (host === undefined) return undefined;
  try {
    const { bytes, memory } = wasmParts(api, file, true);
    return wasmBackend(new api.Module(bytes), memory, host, reason);
  } catch {
    return undefined;
  }
}

/** The module, unless no file exists or may be read. */
function readModule(): Uint8Array | undefined {
  for (const file of wasmPaths()) {
    try {
      return readFileSync(file);
    } catch {
      // Perhaps there is another one.
    }
  }
  return undefined;
}
