import { backendInfo } from '../backend-info.js';
import type { Backend } from '../backend.js';
import { portableBackend } from '../portable/index.js';
import { BlockAllocator } from './block.js';
import { WasmInstance } from './instance.js';
import { wasmOperations } from './operations.js';

export type { Block } from './block.js';

/**
 * The WebAssembly module as a backend.
 * @param module A compiled `WebAssembly.Module`.
 * @param reason Why the native backend was not loaded.
 * @throws An error of the engine if it cannot provide the memory.
 */
export function wasmBackend(module: object, reason?: string): Backend {
  const portable = portableBackend();
  const instance = new WasmInstance(module);
  return {
    ...portable,
    ...wasmOperations(instance, portable),
    info: backendInfo('wasm', 'wasm128', () => 1, reason),
    blocks: new BlockAllocator(instance, portable.collectGarbage),
  };
}
