import type { Storage } from './storage.js';

/** How a tensor can come to lose its values, and what to do about it. */
export const endOfLease = {
  backward:
    'backward() has consumed the graph that this tensor was recorded in. Read .data before, or keep the tensor: backward(loss, { keep: [tensor] })',
  update:
    'update() has consumed these gradients. Read .data before, or call backward(loss) again for new ones',
  dispose: 'This tensor was disposed. Use clone() to keep a copy',
} as const;

export type EndOfLease = keyof typeof endOfLease;

/** One tensor's hold on its values. A graph keeps the leases of all that it recorded, so that it can
 * end them without keeping the tensors themselves alive. */
export class Lease {
  readonly #storage: Storage;
  #end: EndOfLease | undefined;

  /** Takes over one holder's share of `storage`. */
  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The storage; throws a TypeError where the lease has ended. */
  get storage(): Storage {
    if (this.#end !== undefined) throw new TypeError(endOfLease[this.#end]);
    return this.#storage;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Gives the storage back; a second time does nothing. */
  end(reason: EndOfLease): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#storage.release();
  }
}
