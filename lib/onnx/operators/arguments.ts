import type { Shape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { concat } from '../../ops/concat.js';
import type { AnyTensor } from '../values.js';
import type { NodeReader } from './node-reader.js';
import type { Call } from './operator.js';

/** Numbers that are an attribute in early opsets and an input later. */
export function listOf(node: NodeReader, name: string, index: number): readonly number[] | undefined {
  return node.list(name) ?? node.numbers(index);
}

/** The same numbers while a model runs, when an input may depend on the graph's inputs. */
export function listIn(
  node: NodeReader,
  name: string,
  call: Call,
  index: number,
): readonly number[] | undefined {
  return node.list(name) ?? call.numbers(index);
}

/** The elements with these positions along an axis. */
export function gatherAxis(x: AnyTensor, axis: number, positions: readonly number[]): AnyTensor {
  const parts = positions.map((start) => x.slice({ axis, start, end: start + 1 }));
  if (parts.length === 1) return parts[0];
  if (parts.length === 0) return x.slice({ axis, start: 0, end: 0 });
  return concat(parts, { axis });
}

/** A tensor with the same value everywhere. */
export function full(shape: Shape, value: number): AnyTensor {
  return value === 0 ? Tensor.zeros(shape) : Tensor.zeros(shape).add(value);
}
