import { backendInfo } from '../backend-info.js';
import type { Backend } from '../backend.js';
import { checkedOperation } from '../portable/checked.js';
import { portableBackend } from '../portable/index.js';
import { BlockAllocator } from './block.js';
import { WasmInstance } from './instance.js';
import { wasmOperations } from './operations.js';
import type { ThreadHost } from './threads.js';
import type { WasmMemory } from './web-assembly.js';

export type { Block } from './block.js';

/**
 * The WebAssembly module as a backend.
 * @param module A compiled `WebAssembly.Module`.
 * @param memory The memory that it imports.
 * @param host Starts threads, for which the memory has to be shared; without it, the backend computes on one thread.
 * @param reason Why the native backend was not loaded.
 */
export function wasmBackend(module: object, memory: WasmMemory, host?: ThreadHost, reason?: string): Backend {
  const portable = portableBackend();
  const instance = new WasmInstance(module, memory, host);
  const setThreads = (count: number): void => {
    instance.threads = count;
  };
  return {
    ...portable,
    ...wasmOperations(instance, portable),
    info: backendInfo('wasm', 'wasm128', () => instance.threads, reason),
    blocks: new BlockAllocator(instance, portable.collectGarbage),
    setThreads: checkedOperation('setThreads', setThreads),
    ownThreads: setThreads,
  };
}
