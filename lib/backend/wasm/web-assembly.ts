// The part of the WebAssembly API that the backend uses. TypeScript declares it only for browsers.

export interface WasmMemory {
  /** Replaced by a longer one when the memory grows, and then of length 0. */
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What native/wasm/module.cc exports. */
export interface WasmExports {
  readonly memory: WasmMemory;
  initialize(): number;
  operationName(index: number): number;
  callArguments(): number;
  call(index: number): number;
  shapeProblem(): number;
  allocate(bytes: number): number;
  release(address: number): void;
}

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
  compile(bytes: Uint8Array): Promise<object>;
}

/** Undefined in engines without WebAssembly, such as Node with --jitless. */
export const webAssembly = (globalThis as { WebAssembly?: WebAssemblyApi }).WebAssembly;
