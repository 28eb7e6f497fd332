import type { Call } from './call.js';

/** Carries the calls of a group between its ranks. The arguments have been checked. */
export interface Transport {
  readonly name: 'mpi' | 'workers' | 'single';
  readonly rank: number;
  readonly size: number;
  /** Makes a call and waits for it, at most `timeout` milliseconds. */
  run(call: Call, timeout: number): void;
  /** Makes a call without blocking. Calls of `start` are ordered among themselves only. */
  start(call: Call, timeout: number): Promise<void>;
  /**
   * Starts a call whose result replaces its values, on a copy of them, in the order of those of `start`. The returned
   * function waits for it. Undefined if no other thread could make the call meanwhile.
   */
  post?(call: Call, timeout: number): () => void;
  /** Frees what the transport holds, after all ranks made the call `close`. */
  release(): void;
  /** Ends all ranks. */
  abort(message: string): never;
}
