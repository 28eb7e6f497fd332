import type { WasmInstance } from './instance.js';

/** Keeps a view of a block. */
export interface ViewHolder {
  dropView(): void;
}

const nothing = new Float32Array(0);

/**
 * Memory of one tensor in the WebAssembly module. A block that becomes unreachable without `release` is freed some time
 * after a garbage collection.
 */
export class Block {
  readonly #instance: WasmInstance;
  readonly #address: number;
  readonly length: number;
  #values: Float32Array;

  /** Who keeps `values` for several uses, and has to drop them when the instance is given up. */
  holder: ViewHolder | undefined;

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

  /** @internal Makes the views useless, as growth of unshared memory does. */
  dropViews(): void {
    this.#values = nothing;
    this.holder?.dropView();
  }
}

/**
 * V8 does not know how much memory a block has, so dropped tensors alone would never make it collect garbage. Loops that
 * reuse pooled memory allocate no fresh blocks.
 */
const freshBytes = 256 * 1024 * 1024;

interface Place {
  readonly allocator: BlockAllocator;
  readonly address: number;
}

/**
 * Frees blocks that became unreachable. All instances share one registry, which lives as long as the process: V8 stops calling
 * finalizers of all registries once a registry with due finalizers has been collected.
 */
const unreachable = new FinalizationRegistry<Place>(({ allocator, address }) => {
  allocator.releaseAddress(address);
});

/** Allocates the memory of tensors in an instance. */
export class BlockAllocator {
  readonly #instance: WasmInstance;
  readonly #collectGarbage: () => void;
  #fresh = 0;
  /** All blocks by their addresses, if views of the memory cannot become empty by themselves. */
  readonly #blocks: Map<number, WeakRef<Block>> | undefined;

  constructor(instance: WasmInstance, collectGarbage: () => void) {
    this.#instance = instance;
    this.#collectGarbage = collectGarbage;
    if (!instance.isShared) return;
    const blocks = new Map<number, WeakRef<Block>>();
    this.#blocks = blocks;
    instance.onFailure = () => {
      for (const each of blocks.values()) each.deref()?.dropViews();
    };
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
    unreachable.register(block, { allocator: this, address }, block);
    this.#blocks?.set(address, new WeakRef(block));
    return block;
  }

  release(block: Block): void {
    unreachable.unregister(block);
    this.releaseAddress(block.address);
  }

  /** @internal */
  releaseAddress(address: number): void {
    this.#blocks?.delete(address);
    this.#instance.release(address);
  }

  /** Makes all views of blocks empty, as growth of the memory does unless it is shared. */
  emptyViews(): void {
    this.#instance.emptyViews();
  }

  /** Whether each operation empties all views of blocks, as its copies and its working space may when the memory grows. */
  set growsAlways(always: boolean) {
    this.#instance.growsAlways = always;
  }

  /** Called when the memory is exhausted; returns whether it released any. */
  set reclaim(reclaim: () => boolean) {
    this.#instance.reclaim = reclaim;
  }
}
