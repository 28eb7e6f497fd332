import { plainError } from '../validation/errors.js';
import type { EndOfLease, Lease } from './lease.js';
import type { Shape } from './shape.js';
import type { Storage } from './storage.js';

/** Passes on the gradient with respect to the input with this index; takes over one hold. */
export type Accumulate = (input: number, gradient: Storage) => void;

/** A gradient that an operation can add to an existing one without first writing it to separate memory. */
export interface GradientTerm {
  /**
   * Whether most of its values are zeros, so that it should wait for another term to be added to. The operation's `dy` is held
   * until then.
   */
  readonly waits: boolean;
  /** Adds the term to `sum`, which nothing else holds, and returns it, or computes the term as new values. */
  readonly compute: (sum: Storage | undefined) => Storage;
}

/** Passes on a term of the gradient with respect to the input with this index. */
export type AccumulateTerm = (input: number, term: GradientTerm) => void;

/** Computes an operation's input gradients; `needsGradient` tells which inputs need one. */
export type BackwardFn = (
  dy: Storage,
  accumulate: Accumulate,
  needsGradient: (input: number) => boolean,
  accumulateTerm: AccumulateTerm,
) => void;

/** The backward pass of one operation. */
export interface BackwardPass {
  /** Values that `backward` reads. They are held until the graph is consumed and checked for changes. */
  readonly saved: readonly Storage[];
  /**
   * Computes the gradients of the inputs from `dy`, the gradient of the output, which it must neither keep nor change.
   * It may skip an input for which `needsGradient` is false.
   */
  readonly backward: BackwardFn;
}

/** A tensor in the graph. Gradients are stored under its id and have its shape. */
export interface Node {
  readonly id: number;
  readonly shape: Shape;
  /** False for a frozen parameter, a tensor traced with `gradient: false`, and one computed from such tensors only. */
  readonly requiresGradient: boolean;
}

/** A recorded operation. */
export interface Entry {
  /** Sequence number among all operations of this thread, by which merged graphs are sorted. */
  readonly order: number;
  readonly inputs: readonly Node[];
  readonly output: Node;
  readonly outputLease: Lease;
  readonly saved: readonly Storage[];
  /** Versions of `saved` at the time of recording. */
  readonly versions: readonly number[];
  readonly backward: BackwardFn;
}

let recorded = 0;

/** How many operations this thread has recorded: the order of those recorded later is at least this number. */
export function operationsRecorded(): number {
  return recorded;
}

/**
 * The operations that led to a set of tensors. Every tensor with a tape refers to one graph. When an operation combines
 * tensors of two graphs, the graphs merge as in a union-find structure.
 */
export class Graph {
  #mergedInto: Graph | undefined;
  #entries: Entry[] = [];
  #sorted = true;
  #consumed = false;

  get root(): Graph {
    if (this.#mergedInto === undefined) return this;
    const root = this.#mergedInto.root;
    this.#mergedInto = root;
    return root;
  }

  get consumed(): boolean {
    return this.root.#consumed;
  }

  /** Merges two graphs that are not consumed. */
  static merge(a: Graph, b: Graph): Graph {
    const into = a.root;
    const from = b.root;
    if (into === from) return into;
    if (into.#entries.length < from.#entries.length) return Graph.merge(from, into);
    for (const entry of from.#entries) into.#entries.push(entry);
    if (from.#entries.length > 0) into.#sorted = false;
    from.#entries = [];
    from.#mergedInto = into;
    return into;
  }

  /** Adds an operation; call on a root. */
  record(inputs: readonly Node[], output: Node, outputLease: Lease, pass: BackwardPass): void {
    const { saved, backward } = pass;
    const versions: number[] = [];
    for (const storage of saved) versions.push(storage.retain().version);
    this.#entries.push({
      order: recorded++,
      inputs,
      output,
      outputLease,
      saved,
      versions,
      backward,
    });
  }

  /** All operations, first to last. */
  entries(): readonly Entry[] {
    const { root } = this;
    if (!root.#sorted) root.#entries.sort((a, b) => a.order - b.order);
    root.#sorted = true;
    return root.#entries;
  }

  /** Throws if a saved value has been changed in place since. */
  checkUnchanged(): void {
    for (const { saved, versions } of this.root.#entries) {
      for (let i = 0; i < saved.length; i++) {
        const storage = saved[i];
        if (storage.version === versions[i]) continue;
        throw plainError(
          'ERR_BATCHNORM_STALE_PARAMETER',
          `Expected ${storage.label ?? 'a tensor'} unchanged between forward and backward, but it was updated in between. Call backward before update, or run forward again`,
        );
      }
    }
  }

  /**
   * Removes the operations recorded since `operationsRecorded()` was `since`, and releases what they hold. Operations that led to
   * a tensor which a module holds stay.
   */
  rollBack(since: number): void {
    const { root } = this;
    const entries = this.entries();
    const kept: Entry[] = [];
    const needed = new Set<number>();
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i];
      if (entry.order < since || entry.outputLease.isKept || needed.has(entry.output.id)) {
        kept.push(entry);
        for (const { id } of entry.inputs) needed.add(id);
      } else {
        for (const storage of entry.saved) storage.release();
        // Scalars, too: their gradients would be missing.
        entry.outputLease.end('failure');
      }
    }
    root.#entries = kept.reverse();
  }

  /** Releases everything recorded except the tensors in `keep` and scalars. */
  consume(keep: ReadonlySet<Lease>, reason: EndOfLease = 'backward'): void {
    const root = this.root;
    for (const { saved, output, outputLease } of root.#entries) {
      for (const storage of saved) storage.release();
      if (output.shape.length > 0 && !keep.has(outputLease)) outputLease.end(reason);
    }
    root.#entries = [];
    root.#consumed = true;
  }
}
