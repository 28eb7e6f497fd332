import type { Shape } from '../../core/shape.js';
import type { ExportedGraph } from './exported-graph.js';
import { type Initializer, unsupported } from './graph-builder.js';

// A graph for batches of any size is the graph for one size in which the sizes that change with the batch are left open.

/** Name of the size of the batch. */
const batchName = 'N';

/**
 * The graph of which two graphs are the ones for two sizes of the batch.
 * @throws Error for a network that does something else for another batch than compute the same of more images.
 */
export function withOpenBatch(first: ExportedGraph, second: ExportedGraph): ExportedGraph {
  const reshaped = new Set(
    first.nodes.filter(({ operator }) => operator === 'Reshape').map(({ inputs }) => inputs[1]),
  );
  const structure = ({ nodes }: ExportedGraph) => JSON.stringify(nodes);
  if (structure(first) !== structure(second) || first.initializers.length !== second.initializers.length) {
    throw dependsOnBatch('other operations');
  }
  const initializers = first.initializers.map((initializer, i) =>
    open(initializer, second.initializers[i], reshaped.has(initializer.name)),
  );
  const sizes = (a: ExportedGraph['input'], b: ExportedGraph['input']) =>
    a.map((size, axis) => (size === b[axis] ? size : batchName));
  return {
    ...first,
    initializers,
    input: sizes(first.input, second.input),
    output: openSizes(first.output, second.output),
  };
}

/** The sizes of a result: the batch, or a product with it, which has no name. */
function openSizes(first: ExportedGraph['output'], second: ExportedGraph['output']): ExportedGraph['output'] {
  if (first.length !== second.length) throw dependsOnBatch('results of another rank');
  return first.map((size, axis) => {
    if (size === second[axis]) return size;
    return axis === 0 && size === 3 ? batchName : `${batchName}_${axis}`;
  });
}

function open(first: Initializer, second: Initializer, isReshape: boolean): Initializer {
  if (first.isShape !== true) {
    if (first.values.length !== second.values.length) throw dependsOnBatch('other constants');
    return first;
  }
  const sizes: Shape = Array.from(first.values);
  const changed = sizes.filter((size, i) => size !== second.values[i]).length;
  if (changed === 0) return first;
  if (!isReshape || changed > 1) throw dependsOnBatch('sizes that depend on it');
  return { ...first, values: sizes.map((size, i) => (size === second.values[i] ? size : -1)) };
}

function dependsOnBatch(what: string): Error {
  return unsupported(`${what} for another size of the batch; use dynamicBatch: false`);
}
