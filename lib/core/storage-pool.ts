import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { ensureMemory } from '../backend/allocation.js';
import { outOfMemory, requireNonNegative } from '../validation/errors.js';
import { totalmem } from 'node:os';
import { observer } from './observer.js';
import { poison, poisoning, requirePoison } from './poison.js';
import { defineInspect } from '../printing/inspect.js';
import { Block } from '../backend/wasm/block.js';
import { guardMethods } from '../validation/guard-methods.js';

// Fresh memory costs ten times as much as the arithmetic on it, because each page is faulted in and zeroed at the first
// write. The pool therefore keeps returned buffers by exact length for the next tensor of that length; a training loop
// with constant shapes allocates nothing after its first steps.

/** Below this length, at most this many arrays of one length are kept: the overhead of a small array exceeds its values
 * and is not part of `bytes`. */
const minCounted = 64;
const maxUncounted = 1024;

/** Arrays of at least this length are aligned to cache lines. */
const minAligned = 4096;
const cacheLine = 64;

/** Copying fewer values into the memory of a WebAssembly module takes less time than allocating them there. */
const minBlock = 32;

/** Huge pages are requested before the first write for arrays of at least this size. */
const hugePageBytes = 4 * 1024 * 1024;

/** Keeps memory that tensors returned, by length, for the next ones. */
class StoragePool {
  static {
    guardMethods(this);
    defineInspect<StoragePool>(this.prototype, function () {
      return `StoragePool { bytes: ${this.bytes}, limit: ${this.limit} }`;
    });
  }

  /** Arrays by their length, blocks by their negative length. */
  readonly #free = new Map<number, Memory[]>();
  #bytes = 0;
  #limit = Math.floor(totalmem() / 4);

  /** Bytes available for reuse. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Maximum of `bytes`. Memory returned beyond it is left to the garbage collector. */
  get limit(): number {
    return this.#limit;
  }

  set limit(bytes: number) {
    this.#limit = requireNonNegative('limit', bytes);
    this.#evict(0);
  }

  /** Leaves all available memory to the garbage collector. */
  clear(): void {
    for (const buffers of this.#free.values()) buffers.forEach(discard);
    this.#free.clear();
    this.#bytes = 0;
  }

  /** @internal An array with arbitrary content. */
  take(length: number): Float32Array {
    // During a capture, every value has its own array.
    if (observer !== undefined) return observer.allocate(length);
    return (this.#reused(length) as Float32Array | undefined) ?? fresh(allocateArray(length));
  }

  /** @internal Memory for a tensor with arbitrary content, where the backend computes fastest. */
  takeMemory(length: number): Memory {
    if (backend.blocks === undefined || length < minBlock || observer !== undefined) return this.take(length);
    // Any allocation may do that. Tests then notice a view that was read before a tensor was made or an operation ran.
    if (poisoning) backend.blocks.emptyViews();
    const reused = this.#reused(-length);
    if (reused !== undefined) return reused;
    // Where the memory of the WebAssembly module is exhausted, arrays serve, whose values are copied for each operation.
    const block = backend.blocks.allocate(length);
    return block === undefined ? this.take(length) : fresh(block);
  }

  #reused(key: number): Memory | undefined {
    const memory = this.#free.get(key)?.pop();
    if (memory === undefined) return undefined;
    this.#bytes -= memory.byteLength;
    if (poisoning) requirePoison(valuesOf(memory));
    return memory;
  }

  /** @internal */
  give(memory: Memory): void {
    const { length, byteLength } = memory;
    // During a capture, memory that was released must not become another value.
    if (observer !== undefined) return;
    // A transferred buffer has length 0.
    if (length === 0) return;
    if (isBlock(memory)) memory.holder = undefined;
    const key = isBlock(memory) ? -length : length;
    const kept = this.#free.get(key);
    const isFull = kept !== undefined && length < minCounted && kept.length >= maxUncounted;
    if (isFull || byteLength > this.#limit) {
      discard(memory);
      return;
    }
    if (this.#bytes + byteLength > this.#limit) this.#evict(byteLength);
    if (poisoning) poison(valuesOf(memory));
    // Eviction may have removed the list.
    const list = this.#free.get(key);
    if (list === undefined) this.#free.set(key, [memory]);
    else list.push(memory);
    this.#bytes += byteLength;
  }

  /** Makes room by dropping the oldest lengths first, which are likely no longer in use. */
  #evict(needed: number): void {
    for (const [length, buffers] of this.#free) {
      while (this.#bytes + needed > this.#limit) {
        const buffer = buffers.pop();
        if (buffer === undefined) break;
        this.#bytes -= buffer.byteLength;
        discard(buffer);
      }
      if (this.#bytes + needed <= this.#limit) return;
      this.#free.delete(length);
    }
  }
}

/** An array of JavaScript, or memory that the backend provides. */
export type Memory = Float32Array | Block;

export function isBlock(memory: Memory): memory is Block {
  return memory instanceof Block;
}

export function valuesOf(memory: Memory): Float32Array {
  return isBlock(memory) ? memory.values : memory;
}

/** Frees memory that no tensor uses any more. */
export function discard(memory: Memory): void {
  if (isBlock(memory)) backend.blocks?.release(memory);
}

/** Fresh memory is zero only by chance; pooled memory would not be. */
function fresh<M extends Memory>(memory: M): M {
  if (poisoning) poison(valuesOf(memory));
  return memory;
}

function allocateArray(length: number): Float32Array {
  const bytes = Float32Array.BYTES_PER_ELEMENT * length;
  ensureMemory('a tensor', bytes);
  let buffer: Float32Array;
  try {
    buffer = length < minAligned ? new Float32Array(length) : allocateAligned(length);
  } catch (cause) {
    throw outOfMemory('a tensor', bytes, { cause });
  }
  if (buffer.byteLength >= hugePageBytes) backend.adviseHugePages(length, named('buffer', buffer));
  return buffer;
}

/**
 * An array aligned to a cache line. The system's allocator starts large blocks 16 bytes after one, so that every second
 * vector would straddle two lines, which costs a quarter of training time.
 */
function allocateAligned(length: number): Float32Array {
  const memory = new ArrayBuffer(Float32Array.BYTES_PER_ELEMENT * length + cacheLine);
  const offset = backend.bytesToCacheLine(named('buffer', new Float32Array(memory)));
  return new Float32Array(memory, offset, length);
}

/** The pool that all tensors of this thread share. */
export const storagePool = new StoragePool();

if (backend.blocks !== undefined) {
  backend.blocks.growsAlways = poisoning;
  backend.blocks.reclaim = () => {
    const { bytes } = storagePool;
    storagePool.clear();
    return bytes > 0;
  };
}
export type { StoragePool };
