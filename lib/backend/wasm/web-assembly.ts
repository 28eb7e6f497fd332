import { memoryImport, withSharedMemory } from './module-file.js';

// The part of the WebAssembly API that the backend uses. TypeScript declares it only for browsers.

export interface WasmMemory {
  /**
   * Replaced by a longer one when the memory grows, and then of length 0. If the memory is shared, the shorter
   * one remains valid.
   */
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** The exports of native/wasm/module.cc. */
export interface WasmExports {
  readonly __stack_pointer: { value: number };
  initialize(usableCpus: number): number;
  operationName(index: number): number;
  callArguments(): number;
  call(index: number): number;
  shapeProblem(): number;
  allocate(bytes: number): number;
  release(address: number): void;
  threads(): number;
  setThreads(count: number): void;
  runThread(number: number): void;
  threadHasTrapped(): void;
  freeStack(number: number, stack: number): void;
  setElementsPerThread(elements: number): void;
  awakeThreads(): number;
  setIdleMilliseconds(duration: number): void;
}

/** The imports of native/wasm/threads.cc. */
export interface WasmImports {
  readonly memory: WasmMemory;
  startThread(number: number, stack: number, bytes: number): number;
  milliseconds(): number;
}

export interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: WasmImports }) => { readonly exports: unknown };
  readonly Memory: new (limits: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  compile(bytes: Uint8Array): Promise<object>;
}

/** Undefined in engines without WebAssembly, such as Node with --jitless. */
export const webAssembly = (globalThis as { WebAssembly?: WasmApi }).WebAssembly;

/** A module's file, and memory of the kind that it imports. */
export interface WasmParts {
  readonly bytes: Uint8Array;
  readonly memory: WasmMemory;
}

/**
 * Prepares a module for memory that is shared between threads or is not.
 * @throws RangeError without address space for the memory.
 */
export function wasmParts(api: WasmApi, bytes: Uint8Array, shared: boolean): WasmParts {
  const { minimum: initial, maximum } = memoryImport(bytes);
  return {
    bytes: withSharedMemory(bytes, shared),
    memory: new api.Memory({ initial, maximum, shared }),
  };
}
