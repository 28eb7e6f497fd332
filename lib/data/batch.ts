// Declares Symbol.dispose for users who compile with an older `lib`.
/// <reference lib="esnext.disposable" preserve="true" />
import { fromPackage, requirePackage } from '../validation/construction.js';
import type { Shape } from '../core/shape.js';
import { type Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, isTensor, type Tensor } from '../core/tensor.js';
import { guardMethods } from '../validation/guard-methods.js';

/** Makes a batch that owns the given tensors. Internal. */
export let createBatch: <X, L>(x: X, labels: L, indices: Uint32Array) => Batch<X, L>;

/**
 * The samples of one training step. `dispose()`, or `for (using batch of loader)` in TypeScript 5.2 and Node 24, returns
 * their memory for the next batch at once; otherwise the garbage collector frees it later.
 */
export class Batch<X, L> {
  static {
    guardMethods(this);
    createBatch = (x, labels, indices) => new Batch(fromPackage, x, labels, indices);
  }

  /** The samples: [N, ...shape]. */
  readonly x: X;
  /** Labels of the samples, in the same order. */
  readonly labels: L;
  /** Index of each sample in the dataset. */
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

  /** Returns the memory of the tensors, which cannot be used afterwards. Values that a graph saved stay until
   * `backward`. */
  dispose(): void {
    for (const value of [this.x, this.labels] as unknown[]) if (isTensor(value)) value.dispose();
  }

  /** Called by `using`; the same as `dispose()`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The tensor [N, ...shape] over a storage. */
export function batchTensor(size: number, shape: Shape, storage: Storage): Tensor<Shape> {
  return createTensor<Shape, NoneTape>(Object.freeze([size, ...shape]), storage, undefined);
}
