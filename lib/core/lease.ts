import { type CodedError, type ErrorCode, typeError } from '../validation/errors.js';
import type { Storage } from './storage.js';

/** The ways in which a tensor loses its values, with the error that tells the user what to do. */
const ends = {
  backward: [
    'ERR_BATCHNORM_GRAPH_CONSUMED',
    'backward() has consumed the graph that this tensor was recorded in. Read .data before, or keep the tensor: backward(loss, { keep: [tensor] })',
  ],
  update: [
    'ERR_BATCHNORM_GRADIENTS_CONSUMED',
    'update() has consumed these gradients. Read .data before, or call backward(loss) again for new ones',
  ],
  gradients: [
    'ERR_BATCHNORM_DISPOSED',
    'These gradients were disposed. Call backward(loss) again for new ones, or keep a clone() of one',
  ],
  graph: [
    'ERR_BATCHNORM_GRAPH_CONSUMED',
    'disposeGraph() has released the graph that this tensor was recorded in. Read .data before, or keep the tensor: disposeGraph(tensor, { keep: [tensor] })',
  ],
  dispose: ['ERR_BATCHNORM_DISPOSED', 'This tensor was disposed. Use clone() to keep a copy'],
  intermediate: [
    'ERR_BATCHNORM_DISPOSED',
    'A composition, such as Sequential, has released this intermediate result. Keep it in a field of your module that is not private, or keep its detach()',
  ],
  failure: [
    'ERR_BATCHNORM_GRAPH_CONSUMED',
    'The forwardMut() that computed this tensor threw an error and released what it had recorded. Run forwardMut again',
  ],
} as const satisfies Record<string, readonly [ErrorCode, string]>;

export type EndOfLease = keyof typeof ends;

/** The error for using a tensor whose lease ended for this reason. */
export function endOfLease(reason: EndOfLease): CodedError<TypeError> {
  const [code, message] = ends[reason];
  return typeError(code, message);
}

let started = 0;

/** How many leases this thread has started: those that start later have at least this number. */
export function leasesStarted(): number {
  return started;
}

/** One tensor's hold on its storage. A graph keeps the leases of recorded tensors, so that it can end them without
 * keeping the tensors alive. */
export class Lease {
  readonly #storage: Storage;
  #end: EndOfLease | undefined;
  /** How many leases had started before this one; -1 for a tensor that outlives the call that made it. */
  #start = started++;

  /** Takes over one hold on `storage`. */
  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** The storage. @throws TypeError if the lease has ended. */
  get storage(): Storage {
    if (this.#end !== undefined) throw endOfLease(this.#end);
    return this.#storage;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Why it ended; undefined while it has not. */
  get reason(): EndOfLease | undefined {
    return this.#end;
  }

  /** Whether the tensor outlives the call that made it, because a module holds it. */
  get isKept(): boolean {
    return this.#start < 0;
  }

  /** Notes that a module holds the tensor, so that no composition releases it. */
  keep(): void {
    this.#start = -1;
  }

  /**
   * Releases an intermediate result, if it was made since `leasesStarted()` was `since` and no module holds it. Nor is a tensor
   * released whose `.data` was taken: its memory would not be reused.
   */
  endIntermediate(since: number): void {
    if (this.#start >= since && this.#storage.isRecyclable) this.end('intermediate');
  }

  /** Releases the storage. A second call does nothing. */
  end(reason: EndOfLease): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#storage.release();
  }
}
