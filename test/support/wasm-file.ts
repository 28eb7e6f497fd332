import { readFileSync } from 'node:fs';
import { wasmPaths } from '#lib/backend/binary-paths';
import { WasmInstance } from '#lib/backend/wasm/instance';
import type { ThreadHost } from '#lib/backend/wasm/threads';
import { wasmParts, webAssembly } from '#lib/backend/wasm/web-assembly';

/** The WebAssembly module of the package. */
export function wasmFile(): Uint8Array {
  for (const path of wasmPaths()) {
    try {
      return readFileSync(path);
    } catch {
      // Perhaps there is another one.
    }
  }
  throw new Error('Expected a WebAssembly module');
}

/** A new instance of the module, on separate memory. */
export function wasmInstance(shared: boolean, host?: ThreadHost): WasmInstance {
  if (webAssembly === undefined) throw new Error('Expected an engine with WebAssembly');
  const { bytes, memory } = wasmParts(webAssembly, wasmFile(), shared);
  return new WasmInstance(new webAssembly.Module(bytes), memory, host);
}
