// For Symbol.dispose in the declarations, whatever library their reader compiles with.
/// <reference lib="esnext.disposable" preserve="true" />
import { fromPackage, requirePackage } from '../validation/construction.js';
import type { Shape } from '../core/shape.js';
import { type Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, isTensor, type Tensor } from '../core/tensor.js';
import { guardMethods } from '../validation/guard-methods.js';

/** Makes a batch; takes over its tensors. For the library only. */
export let createBatch: <X, L>(x: X, labels: L, indices: Uint32Array) => Batch<X, L>;

/**
 * Samples of one training step. `dispose()` gives their memory to the next one at once, as does
 * `for (using batch of loader)` in TypeScript 5.2 or Node 24; otherwise the garbage collector has it in time.
 */
export class Batch<X, L> {
  static {
    guardMethods(this);
    createBatch = (x, labels, indices) => new Batch(fromPackage, x, labels, indices);
  }

  /** The samples: [N, ...shape]. */
  readonly x: X;
  /** What belongs to each sample. */
  readonly labels: L;
  /** The number of each sample among all of them. */
  readonly indices: Uint32Array;

  private constructor(key: typeof fromPackage, x: X, labels: L, indices: Uint32Array) {
    requirePackage(key, 'Batch', 'a DataLoader or batchSamples()');
    this.x = x;
    this.labels = labels;
    this.indices = indices;
  }

  /** Number of samples. */
  get size(): number {
    return this.indices.length;
  }

  /** Gives the memory of the tensors back; using them afterwards is an error. What a graph has saved
   * stays until `backward`. */
  dispose(): void {
    for (const value of [this.x, this.labels] as unknown[]) if (isTensor(value)) value.dispose();
  }

  /** What `using` calls: `dispose()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The tensor [N, ...shape] over a storage. */
export function batchTensor(size: number, shape: Shape, storage: Storage): Tensor<Shape> {
  return createTensor<Shape, NoneTape>(Object.freeze([size, ...shape]), storage, undefined);
}
