import { readFileSync } from 'node:fs';
import type { Backend } from './backend.js';
import { wasmPaths } from './binary-paths.js';
import { wasmBackend } from './wasm/index.js';
import { webAssembly } from './wasm/web-assembly.js';

/**
 * The WebAssembly backend, or why it is unavailable, and whether that is expected: in a bundle without the module.
 * @param reason Why the native backend was not loaded.
 */
export function loadWasm(reason?: string): { backend: Backend } | { missing: string; expected: boolean } {
  if (webAssembly === undefined) return { missing: 'this engine has no WebAssembly', expected: false };
  const bytes = readModule();
  if (bytes === undefined) return { missing: 'no WebAssembly module is present', expected: true };
  try {
    return { backend: wasmBackend(new webAssembly.Module(bytes), reason) };
  } catch (error) {
    // A CompileError where the engine lacks SIMD, a RangeError where a limit of the address space leaves no memory.
    const { message } = error as { message?: unknown };
    return {
      missing: `the WebAssembly module does not load: ${String(message ?? error)}`,
      expected: false,
    };
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
