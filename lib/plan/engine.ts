import type { Program } from './program.js';

/** How a call ended: `stopped` if it was stopped before its last operation, `failed` if an operation threw. */
export type Outcome = { kind: 'done' } | { kind: 'stopped' } | { kind: 'failed'; error: unknown };

/** Memory of a plan. Its values are asked for at each use: views of the WebAssembly module's memory are lost when that grows. */
export interface Values {
  readonly values: Float32Array;
}

/** The memory of one call, which nobody else uses until it ends. */
export interface CallMemory {
  readonly input: Values;
  readonly output: Values;
}

/** Several arenas that compute calls in the order of their start, one call in each at a time. */
export interface Lanes<P> {
  /**
   * Starts a call as soon as an arena is free.
   * @param done Called once, not before this function returns.
   * @returns A function that stops the call between two operations, or before its first one.
   */
  start(program: P, memory: CallMemory, done: (outcome: Outcome) => void): () => void;
}

/** Runs programs: natively, or one operation of the backend after the other. `P` is a program in the engine's form. */
export interface Engine<P> {
  prepare(program: Program): P;
  /** The length of an arena for a program, in floats. */
  arenaLength(program: Program): number;
  run(program: P, arena: Values, memory: CallMemory): void;
  openLanes(arenas: readonly Values[]): Lanes<P>;
}
