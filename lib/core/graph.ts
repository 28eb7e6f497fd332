import { plainError } from '../validation/errors.js';
import type { EndOfLease, Lease } from './lease.js';
import type { Shape } from './shape.js';
import type { Storage } from './storage.js';

/** Takes over one hold on the gradient of the operation's input with this index. */
export type GiveGradient = (input: number, gradient: Storage) => void;

/** What an operation needs for its backward pass. */
export interface Recipe {
  /** Values that `backward` reads: held until the graph is consumed, and guarded against changes. */
  readonly saved: readonly Storage[];
  /**
   * From the gradient of the output to those of the inputs. Must not keep or change `dy`; may leave out
   * the gradient of an input that is not `wanted`.
   */
  readonly backward: (dy: Storage, give: GiveGradient, wanted: (input: number) => boolean) => void;
}

/** A tensor as the graph knows it: gradients are kept under its id and have its shape. */
export interface Node {
  readonly id: number;
  readonly shape: Shape;
  /** Whether no gradient by it is wanted: traced without one, or computed from nothing else. */
  readonly constant: boolean;
}

/** One recorded operation. */
export interface Entry {
  /** Position among all operations of this thread: two merged graphs are sorted by it. */
  readonly order: number;
  readonly inputs: readonly Node[];
  readonly output: Node;
  readonly outputLease: Lease;
  readonly saved: readonly Storage[];
  /** Of `saved`, when they were. */
  readonly versions: readonly number[];
  readonly backward: Recipe['backward'];
}

let recorded = 0;

/**
 * The operations that led to a set of tensors. Every taped tensor points at one; where two meet in an
 * operation they become one, as disjoint sets do.
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

  /** The graph that holds both; neither is consumed. */
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
  record(inputs: readonly Node[], output: Node, outputLease: Lease, recipe: Recipe): void {
    const { saved, backward } = recipe;
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

  /** Throws where something saved has been changed in place since. */
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

  /** Gives back everything recorded but the tensors in `keep` and scalars, which stay readable. */
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
