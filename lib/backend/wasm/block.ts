import type { WasmInstance } from './instance.js';

/**
 * Memory of one tensor in the WebAssembly module. A block that becomes unreachable without `release` is freed some time
 * after a garbage collection.
 */
export class Block {
  readonly #instance: WasmInstance;
  readonly #address: number;
  readonly length: number;
  #values: Float32Array;

  constructor(instance: WasmInstance, address: number, length: number) {
    this.#instance = instance;
    this.#address = address;
    this.length = length;
    this.#values = new Float32Array(instance.buffer, address, length);
  }

  /** The values; valid until the memory grows, after which this returns a new view. */
  get values(): Float32Array {
    if (this.#values.length !== this.length) {
      this.#values = new Float32Array(this.#instance.buffer, this.#address, this.length);
    }
    return this.#values;
  }

  get byteLength(): number {
    return this.length * Float32Array.BYTES_PER_ELEMENT;
  }

  /** @internal */
  get address(): number {
    return this.#address;
  }
}

/**
 * V8 does not know how much memory a block has, so dropped tensors alone would never make it collect garbage. Loops that
 * reuse pooled memory allocate no fresh blocks.
 */
const freshBytes = 256 * 1024 * 1024;

interface Place {
  readonly instance: WasmInstance;
  readonly address: number;
}

/**
 * Frees blocks that became unreachable. One registry for all instances, which lives as long as the process: V8 calls no
 * finalizers at all any more, of whatever registry, once a registry was collected whose finalizers were due.
 */
const unreachable = new FinalizationRegistry<Place>(({ instance, address }) => {
  instance.release(address);
});

/** Allocates the memory of tensors in an instance. */
export class BlockAllocator {
  readonly #instance: WasmInstance;
  readonly #collectGarbage: () => void;
  #fresh = 0;

  constructor(instance: WasmInstance, collectGarbage: () => void) {
    this.#instance = instance;
    this.#collectGarbage = collectGarbage;
  }

  /** A block with arbitrary content; undefined if the memory of the module is exhausted. */
  allocate(length: number): Block | undefined {
    const address = this.#instance.allocate(length * Float32Array.BYTES_PER_ELEMENT);
    if (address === 0) return undefined;
    const block = new Block(this.#instance, address, length);
    this.#fresh += block.byteLength;
    if (this.#fresh > freshBytes) {
      this.#fresh = 0;
      this.#collectGarbage();
    }
    unreachable.register(block, { instance: this.#instance, address }, block);
    return block;
  }

  release(block: Block): void {
    unreachable.unregister(block);
    this.#instance.release(block.address);
  }

  /** Makes all views of blocks empty, as growth of the memory does. */
  emptyViews(): void {
    this.#instance.emptyViews();
  }

  /** What to do when the memory is exhausted; returns whether anything was released. */
  set reclaim(reclaim: () => boolean) {
    this.#instance.reclaim = reclaim;
  }
}
