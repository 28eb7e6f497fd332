import type { Shape } from './shape.js';
import type { Storage } from './storage.js';
import type { Tape } from './tape.js';
import { createTensor, graphOf, requiresGradient, leaseOf, type Tensor } from './tensor.js';
import { type BackwardPass, Graph, type Node } from './graph.js';

type AnyTensor = Tensor<Shape, Tape>;

/** The graphs of an operation's inputs. Call it before computing anything: it throws if a graph was consumed. */
export function graphsOf(inputs: readonly AnyTensor[]): readonly Graph[] {
  const graphs: Graph[] = [];
  for (const input of inputs) {
    const graph = graphOf(input);
    if (graph !== undefined) graphs.push(graph);
  }
  return graphs;
}

/** Of an operation without an input that needs a gradient: `backward` does not reach it. */
const noPass: BackwardPass = { saved: [], backward: () => undefined };

/**
 * The result of an operation: a tensor that takes over `storage`. If there are graphs, they are merged and the operation
 * is recorded. `pass` is called only then, and only if an input needs a gradient: otherwise nothing is saved.
 */
export function recorded<S extends Shape, T extends Tape>(
  graphs: readonly Graph[],
  inputs: readonly AnyTensor[],
  shape: S,
  storage: Storage,
  pass: () => BackwardPass,
): Tensor<S, T> {
  if (graphs.length === 0) return createTensor<S, T>(shape, storage, undefined);
  let [graph] = graphs;
  for (let i = 1; i < graphs.length; i++) graph = Graph.merge(graph, graphs[i]);
  const nodes = inputs.map(nodeOf);
  const needsGradient = nodes.some((node) => node.requiresGradient);
  const output = createTensor<S, T>(shape, storage, graph, undefined, needsGradient);
  graph.record(nodes, nodeOf(output), leaseOf(output), needsGradient ? pass() : noPass);
  return output;
}

/** The node of a tensor. */
export function nodeOf(tensor: AnyTensor): Node {
  return { id: tensor.id, shape: tensor.shape, requiresGradient: requiresGradient(tensor) };
}
