import type { Shape } from './shape.js';

/** Is told what happens to tensors while a model is captured. */
export interface TensorObserver {
  /** Provides memory for a tensor, with arbitrary content. */
  allocate(length: number): Float32Array;
  /** A tensor of this shape was made of `values`, which earlier tensors may share. */
  created(values: Float32Array, shape: Shape): void;
  /** JavaScript is about to read the values by `method`. */
  read(values: Float32Array, method: string): void;
  /**
   * An operation that the backends do not have is about to be computed in JavaScript.
   * @param args Its arguments, which the observer's client names.
   * @returns Whether to skip the computation.
   */
  computes(operation: string, args: readonly (number | Float32Array)[]): boolean;
}

/** The observer; undefined except during a capture. */
export let observer: TensorObserver | undefined;

/** Runs a function under an observer. While it runs, the storage pool reuses no memory, so that an array is one value. */
export function observed<R>(by: TensorObserver, run: () => R): R {
  observer = by;
  try {
    return run();
  } finally {
    observer = undefined;
  }
}
