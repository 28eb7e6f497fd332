import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { requireRoom } from '../backend/room.js';
import { outOfMemory, requireNonNegative } from '../validation/errors.js';
import { totalmem } from 'node:os';
import { poison, poisoning, requirePoison } from './poison.js';
import { defineInspect } from '../printing/inspect.js';
import { guardMethods } from '../validation/guard-methods.js';

// Fresh memory costs ten times the arithmetic done on it: every page is faulted in and zeroed at its
// first write. Buffers that are given back are therefore kept, by exact length, for the next tensor of
// that length; a training loop of constant shapes allocates nothing after its first steps.

/** Below this length no more than so many of one length are kept: what surrounds a small array is larger than
 * the array, and is not counted in bytes. */
const smallestCounted = 64;
const mostUncounted = 1024;

/** From this length on, tensors begin with a cache line. */
const smallestAligned = 4096;
const cacheLine = 64;

/** From this size on, huge pages are asked for before the first write. */
const hugePageBytes = 4 * 1024 * 1024;

/** Memory that tensors have given back, kept by length for the next ones. */
class StoragePool {
  static {
    guardMethods(this);
    defineInspect<StoragePool>(this.prototype, function () {
      return `StoragePool { bytes: ${this.bytes}, limit: ${this.limit} }`;
    });
  }

  readonly #free = new Map<number, Float32Array[]>();
  #bytes = 0;
  #limit = Math.floor(totalmem() / 4);

  /** Bytes that lie ready for reuse. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The most bytes that may lie ready; what is given back beyond is left to the garbage collector. */
  get limit(): number {
    return this.#limit;
  }

  set limit(bytes: number) {
    this.#limit = requireNonNegative('limit', bytes);
    this.#evict(0);
  }

  /** Leaves all that lies ready to the garbage collector. */
  clear(): void {
    this.#free.clear();
    this.#bytes = 0;
  }

  /** @internal A buffer with arbitrary content. */
  take(length: number): Float32Array {
    const buffers = this.#free.get(length);
    const buffer = buffers?.pop();
    if (buffer === undefined) {
      const fresh = allocate(length);
      // Its zeros are chance, too: from the pool would come something else.
      if (poisoning) poison(fresh);
      return fresh;
    }
    this.#bytes -= buffer.byteLength;
    if (poisoning) requirePoison(buffer);
    return buffer;
  }

  /** @internal */
  give(buffer: Float32Array): void {
    const { length, byteLength } = buffer;
    // A detached buffer has length 0: whoever transferred it, it is gone.
    if (length === 0 || byteLength > this.#limit) return;
    if (this.#bytes + byteLength > this.#limit) this.#evict(byteLength);
    if (poisoning) poison(buffer);
    const buffers = this.#free.get(length);
    if (buffers === undefined) {
      this.#free.set(length, [buffer]);
    } else if (length >= smallestCounted || buffers.length < mostUncounted) {
      buffers.push(buffer);
    } else {
      return;
    }
    this.#bytes += byteLength;
  }

  /** Makes room, dropping first the lengths that were first seen: likely those of an earlier use. */
  #evict(needed: number): void {
    for (const [length, buffers] of this.#free) {
      while (this.#bytes + needed > this.#limit) {
        const buffer = buffers.pop();
        if (buffer === undefined) break;
        this.#bytes -= buffer.byteLength;
      }
      if (this.#bytes + needed <= this.#limit) return;
      this.#free.delete(length);
    }
  }
}

function allocate(length: number): Float32Array {
  let buffer: Float32Array;
  try {
    requireRoom(Float32Array.BYTES_PER_ELEMENT * length);
    buffer = length < smallestAligned ? new Float32Array(length) : allocateAligned(length);
  } catch (cause) {
    throw outOfMemory(`a tensor of ${length} values`, { cause });
  }
  if (buffer.byteLength >= hugePageBytes) backend.adviseHugePages(length, named('buffer', buffer));
  return buffer;
}

/**
 * Values that begin with a cache line. The system's allocator puts large blocks 16 bytes behind one, so that
 * every second vector would cross two lines: a quarter of the time of training.
 */
function allocateAligned(length: number): Float32Array {
  const memory = new ArrayBuffer(Float32Array.BYTES_PER_ELEMENT * length + cacheLine);
  const offset = backend.bytesToCacheLine(named('buffer', new Float32Array(memory)));
  return new Float32Array(memory, offset, length);
}

/** Where tensors get their memory from and give it back to. */
export const storagePool = new StoragePool();
export type { StoragePool };
