import { requireOptions, typeError, wrongType } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import type { Shape } from './shape.js';
import type { OwnedTape } from './tape.js';
import { graphOf, hasConsumedGraph, isTensor, type Tensor } from './tensor.js';
import { readKeep } from './backward.js';

/** Settings of `disposeGraph`. */
export interface DisposeGraphOptions {
  /** Tensors of the graph that should stay readable, such as the result. */
  readonly keep?: readonly Tensor<Shape, OwnedTape>[];
}

/**
 * Releases a graph without calling `backward`, for example when a training step is skipped. Tensors recorded in the graph
 * cannot be used afterwards, except scalars and those in `keep`. Does nothing if the graph was already consumed.
 *
 * @param tensor Any tensor of the graph.
 * @throws TypeError if it has no tape.
 *
 * @example
 * const y = net.forwardMut(x.trace());
 * disposeGraph(y, { keep: [y] });
 */
export function disposeGraph(tensor: Tensor<Shape, OwnedTape>, options?: DisposeGraphOptions): void {
  if (arguments.length > 2) requireNoSurplus('disposeGraph', 2, arguments);
  if (!isTensor(tensor)) throw wrongType('tensor', 'a Tensor with a tape', tensor);
  const given = requireOptions('options', options, ['keep']);
  if (hasConsumedGraph(tensor)) return;
  const graph = graphOf(tensor);
  if (graph === undefined) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      'Expected a tensor with a tape for tensor, but it has none. Call dispose() on it',
    );
  }
  graph.consume(readKeep(given.keep, graph), 'graph');
}
