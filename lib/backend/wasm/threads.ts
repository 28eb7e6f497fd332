import type { WasmMemory } from './web-assembly.js';

/** The data with which a thread starts an instance of the module on the same memory. */
export interface ThreadStart {
  readonly module: object;
  readonly memory: WasmMemory;
  readonly number: number;
  /** Initial value of its stack pointer. */
  readonly stack: number;
}

/** Starts the threads of a module. Browsers have none. */
export interface ThreadHost {
  /** Processors that this process may use. */
  readonly usableCpus: number;
  /** How many threads an instance uses at first, its caller's included. */
  readonly threads: number;
  /** A monotonic clock. */
  readonly milliseconds: () => number;
  /**
   * Starts a thread. It computes once it runs, without the event loop of the calling thread.
   * @param ended Called some time after the thread has ended.
   * @param killed Called between two operations before anyone else kills the thread.
   * @returns What stops the thread; undefined if the system refuses it.
   */
  start(thread: ThreadStart, ended: () => void, killed: () => void): (() => void) | undefined;
}
