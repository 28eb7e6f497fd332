import type { Shape } from './shape.js';
import type { Storage } from './storage.js';
import type { Tape } from './tape.js';
import { createTensor, graphOf, isConstant, leaseOf, type Tensor } from './tensor.js';
import { Graph, type Node, type Recipe } from './graph.js';

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

/**
 * The result of an operation: a tensor that takes over `storage`. If there are graphs, they are merged and the operation
 * is recorded; only then is `recipe` called.
 */
export function recorded<S extends Shape, T extends Tape>(
  graphs: readonly Graph[],
  inputs: readonly AnyTensor[],
  shape: S,
  storage: Storage,
  recipe: () => Recipe,
): Tensor<S, T> {
  if (graphs.length === 0) return createTensor<S, T>(shape, storage, undefined);
  let [graph] = graphs;
  for (let i = 1; i < graphs.length; i++) graph = Graph.merge(graph, graphs[i]);
  const nodes = inputs.map(nodeOf);
  const constant = nodes.every((node) => node.constant);
  const output = createTensor<S, T>(shape, storage, graph, undefined, constant);
  graph.record(nodes, nodeOf(output), leaseOf(output), recipe());
  return output;
}

/** The node of a tensor. */
export function nodeOf(tensor: AnyTensor): Node {
  return { id: tensor.id, shape: tensor.shape, constant: isConstant(tensor) };
}
