import type { Shape } from 'batchnorm';

// A float64 model of the tape: nodes with the values of the forward pass, and derivatives with respect to their inputs.
// Each gradient has a bound: the same sum over magnitudes, to which rounding errors are relative.

export interface Cotangent {
  readonly value: Float64Array;
  readonly bound: Float64Array;
}

export interface ModelNode {
  /** The tensor's id. */
  readonly id: number;
  readonly shape: Shape;
  /** Undefined for leaves. */
  readonly inputs?: readonly ModelNode[];
  /** Propagates the value linearly, and the bound with the magnitudes of all factors. */
  readonly pull?: (dy: Cotangent) => readonly (Cotangent | undefined)[];
}

export class ModelGraph {
  #into: ModelGraph | undefined;
  #nodes: ModelNode[] = [];
  #consumed = false;
  /** Number of changes of each parameter when it was saved. */
  #saved: (readonly [state: { readonly changes: number }, changes: number])[] = [];
  /** Whether all its values can be compared with float64. */
  #tame = true;

  get root(): ModelGraph {
    return this.#into === undefined ? this : this.#into.root;
  }
  get consumed(): boolean {
    return this.root.#consumed;
  }
  get tame(): boolean {
    return this.root.#tame;
  }
  get nodes(): readonly ModelNode[] {
    return this.root.#nodes;
  }
  get stale(): boolean {
    return this.root.#saved.some(([state, changes]) => state.changes !== changes);
  }
  spoil(): void {
    this.root.#tame = false;
  }
  save(state: { readonly changes: number }): void {
    this.root.#saved.push([state, state.changes]);
  }
  record(node: ModelNode): void {
    this.root.#nodes.push(node);
  }
  consume(): void {
    this.root.#consumed = true;
  }

  static merge(graphs: readonly ModelGraph[]): ModelGraph {
    const into = graphs[0].root;
    for (const { root: from } of graphs) {
      if (from === into) continue;
      into.#nodes.push(...from.#nodes);
      into.#saved.push(...from.#saved);
      into.#tame &&= from.#tame;
      from.#into = into;
    }
    return into;
  }

  /** Gradients of a scalar node with respect to the leaves, by id. */
  gradients(loss: ModelNode): Map<number, Cotangent> {
    const found = new Map<number, Cotangent>();
    const one = () => Float64Array.of(1);
    found.set(loss.id, { value: one(), bound: one() });
    // Ids increase with every operation, even across graphs that were joined later.
    const inOrder = [...this.nodes].sort((a, b) => b.id - a.id);
    for (const { id, inputs = [], pull } of inOrder) {
      const dy = found.get(id);
      if (dy === undefined || pull === undefined) continue;
      found.delete(id);
      for (const [i, cotangent] of pull(dy).entries()) {
        if (cotangent !== undefined) addInto(found, inputs[i].id, cotangent);
      }
    }
    return found;
  }
}

export function addInto(found: Map<number, Cotangent>, id: number, { value, bound }: Cotangent): void {
  const earlier = found.get(id);
  found.set(
    id,
    earlier === undefined
      ? { value: value.slice(), bound: bound.slice() }
      : {
          value: earlier.value.map((each, i) => each + value[i]),
          bound: earlier.bound.map((each, i) => each + bound[i]),
        },
  );
}

/** dx[i] = sum over pairs (i, j) of factor * dy[j]; a factor that is a difference comes with the magnitude of its
 * terms. */
export function pullThrough(
  count: number,
  dy: Cotangent,
  terms: Iterable<readonly [i: number, j: number, factor: number, size?: number]>,
): Cotangent {
  const value = new Float64Array(count);
  const bound = new Float64Array(count);
  for (const [i, j, factor, size = Math.abs(factor)] of terms) {
    value[i] += factor * dy.value[j];
    bound[i] += size * dy.bound[j];
  }
  return { value, bound };
}
