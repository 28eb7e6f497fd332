import { backend } from '../backend/index.js';
import { fromPackage } from '../validation/construction.js';
import { typeError, wrongType } from '../validation/errors.js';
import { Lease } from './lease.js';
import type { Shape } from './shape.js';
import { formatShape } from './shape.js';
import { Storage } from './storage.js';
import type { OwnedTape } from './tape.js';
import { graphOf, isTensor, leaseOf, type Tensor, type Tensor0D } from './tensor.js';
import { requireOptions } from '../validation/errors.js';
import { GradientSums } from './gradient-sums.js';
import { addGradients, type GradientEntry, Gradients, requireReadable } from './gradients.js';
import type { Accumulate, AccumulateTerm, Entry, Graph, Node } from './graph.js';
import { nodeOf } from './record.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of `backward`. */
export interface BackwardOptions {
  /** Tensors of the graph that should stay readable, such as the logits. */
  readonly keep?: readonly Tensor<Shape, OwnedTape>[];
  /** Gradients of earlier calls to accumulate into, for example over micro-batches. */
  readonly into?: Gradients;
}

/**
 * Computes the gradients of a scalar loss with respect to every leaf of its graph by reverse-mode automatic
 * differentiation. Consumes the graph: recorded tensors return their memory, except scalars and those in `keep`.
 *
 * @throws TypeError if the loss is not a scalar with a tape or its graph was consumed before; Error if a parameter that
 * the graph saved has been updated since. Nothing has changed then.
 */
export function backward(loss: Tensor0D<OwnedTape>, options?: BackwardOptions): Gradients {
  if (arguments.length > 2) requireNoSurplus('backward', 2, arguments);
  return backwardNotifying(loss, options);
}

/** Called with the final gradient of a leaf, or with undefined if it has none. */
export type OnLeafGradient = (id: number, gradient: Storage | undefined) => void;

/** `backward`, which tells of each leaf's gradient while those of others are still computed. */
export function backwardNotifying(
  loss: Tensor0D<OwnedTape>,
  options: BackwardOptions | undefined,
  onLeafGradient?: OnLeafGradient,
): Gradients {
  const graph = readLoss(loss);
  const given = requireOptions('options', options, ['keep', 'into']);
  const keep = readKeep(given.keep, graph);
  const into = readInto(given.into);
  graph.checkUnchanged();

  const found = differentiate(graph, nodeOf(loss), onLeafGradient);
  const gradients = into ?? new Gradients(fromPackage, found);
  if (into !== undefined) addGradients(into, found);
  graph.consume(keep);
  return gradients;
}

/** Gradients with respect to the leaves of the graph, by tensor id. */
function differentiate(
  graph: Graph,
  loss: Node,
  onLeafGradient: OnLeafGradient | undefined,
): Map<number, GradientEntry> {
  const sums = new GradientSums();
  let inputs: readonly Node[] = [];
  let dy: Storage | undefined;
  const accumulateInput: Accumulate = (input, gradient) => {
    sums.add(inputs[input], gradient);
  };
  const accumulateTerm: AccumulateTerm = (input, term) => {
    if (dy !== undefined) sums.addTerm(inputs[input], term, dy);
  };
  const needsGradient = (input: number): boolean => inputs[input].requiresGradient;

  const one = Storage.take(1);
  one.values[0] = 1;
  sums.add(loss, one);
  try {
    const entries = graph.entries();
    const firstUses = onLeafGradient === undefined ? undefined : leavesByFirstUse(entries);
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i];
      dy = sums.take(entry.output.id);
      if (dy !== undefined) {
        inputs = entry.inputs;
        try {
          entry.backward(dy, accumulateInput, needsGradient, accumulateTerm);
        } finally {
          dy.release();
        }
      }
      for (const id of firstUses?.[i] ?? []) onLeafGradient?.(id, sums.get(id));
    }
    const found = sums.finish();
    separate(found);
    return found;
  } catch (error) {
    sums.discard();
    throw error;
  }
}

/** Gives each leaf's gradient separate memory: p.add(q) passes one storage to both, and a user may write to either. */
function separate(found: ReadonlyMap<number, GradientEntry>): void {
  const shared = new Set<Storage>();
  for (const entry of found.values()) {
    const { storage } = entry;
    if (storage.unshared) continue;
    if (shared.has(storage)) {
      const n = storage.values.length;
      entry.storage = Storage.take(n);
      backend.copy(n, storage.named('x'), entry.storage.named('y'));
      storage.release();
    }
    shared.add(storage);
  }
}

/** For each operation, the leaves that no earlier one uses: their gradients are complete after it. */
function leavesByFirstUse(entries: readonly Entry[]): readonly (readonly number[])[] {
  const known = new Set<number>();
  return entries.map(({ inputs, output }) => {
    const leaves: number[] = [];
    for (const { id } of inputs) {
      if (known.has(id)) continue;
      known.add(id);
      leaves.push(id);
    }
    known.add(output.id);
    return leaves;
  });
}

function readLoss(loss: unknown): Graph {
  if (!isTensor(loss)) throw wrongType('loss', 'a scalar Tensor with a tape', loss);
  const graph = graphOf(loss);
  if (graph === undefined) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      'Expected a tensor with a tape for loss, but it has none. Start from x.trace()',
    );
  }
  if (loss.shape.length !== 0) {
    throw typeError(
      'ERR_BATCHNORM_TYPE',
      `Expected a scalar for loss but received shape ${formatShape(loss.shape)}. Reduce it with mean() or sum()`,
    );
  }
  return graph;
}

const nothing: ReadonlySet<Lease> = new Set();

export function readKeep(keep: unknown, graph: Graph): ReadonlySet<Lease> {
  if (keep === undefined) return nothing;
  const leases = new Set<Lease>();
  if (!Array.isArray(keep)) throw wrongType('keep', 'an array of tensors', keep);
  for (const [i, tensor] of (keep as unknown[]).entries()) {
    if (!isTensor(tensor)) throw wrongType(`keep[${i}]`, 'a Tensor', tensor);
    if (graphOf(tensor) !== graph) {
      throw typeError(
        'ERR_BATCHNORM_TAPE',
        `Expected a tensor of the graph of loss for keep[${i}], but it is not`,
      );
    }
    leases.add(leaseOf(tensor));
  }
  return leases;
}

function readInto(into: unknown): Gradients | undefined {
  if (into === undefined) return undefined;
  if (!(into instanceof Gradients)) throw wrongType('into', 'Gradients', into);
  into.requireUnconsumed();
  requireReadable(into);
  return into;
}
