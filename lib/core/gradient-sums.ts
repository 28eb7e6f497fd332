import { accumulate, type GradientEntry } from './gradients.js';
import type { GradientTerm, Node } from './graph.js';
import type { Storage } from './storage.js';

/** A term that is computed later, from `dy`. */
interface WaitingTerm {
  readonly term: GradientTerm;
  readonly dy: Storage;
  readonly shape: GradientEntry['shape'];
}

/** The gradients that a pass over the graph has found so far, by tensor id, each the sum of its terms. */
export class GradientSums {
  readonly #found = new Map<number, GradientEntry>();
  readonly #waiting = new Map<number, WaitingTerm>();

  /** Adds values to the gradient of a node; takes over one hold on them. */
  add({ id, shape, requiresGradient }: Node, gradient: Storage): void {
    if (!requiresGradient) {
      gradient.release();
      return;
    }
    // The waiting term is added to the gradient itself, unless another holder reads that.
    if (gradient.unshared && this.#settle(id, gradient)) return;
    this.#settle(id, undefined);
    const earlier = this.#found.get(id);
    if (earlier === undefined) this.#found.set(id, { shape, storage: gradient, tensor: undefined });
    else earlier.storage = accumulate(earlier.storage, gradient);
  }

  /** Adds a term to the gradient of a node, in place where that is possible. The term is computed from `dy`. */
  addTerm(node: Node, term: GradientTerm, dy: Storage): void {
    const { id, shape, requiresGradient } = node;
    if (!requiresGradient) return;
    this.#settle(id, undefined);
    const earlier = this.#found.get(id);
    if (earlier?.storage.unshared === true) term.compute(earlier.storage);
    else if (earlier === undefined && term.waits) this.#waiting.set(id, { term, dy: dy.retain(), shape });
    else this.add(node, term.compute(undefined));
  }

  /** The gradient that was found for a node, if any. */
  get(id: number): Storage | undefined {
    this.#settle(id, undefined);
    return this.#found.get(id)?.storage;
  }

  /** Removes the gradient of a node and hands over its hold. */
  take(id: number): Storage | undefined {
    const found = this.get(id);
    this.#found.delete(id);
    return found;
  }

  /** All gradients; the pass is over. */
  finish(): Map<number, GradientEntry> {
    for (const id of [...this.#waiting.keys()]) this.#settle(id, undefined);
    return this.#found;
  }

  /** Releases everything. */
  discard(): void {
    for (const { storage } of this.#found.values()) storage.release();
    for (const { dy } of this.#waiting.values()) dy.release();
  }

  /** Computes the term that waits for a node, added to `sum` if there is one. Returns whether a term waited. */
  #settle(id: number, sum: Storage | undefined): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    const { term, dy, shape } = waiting;
    try {
      this.#found.set(id, { shape, storage: term.compute(sum), tensor: undefined });
    } finally {
      dy.release();
    }
    return true;
  }
}
