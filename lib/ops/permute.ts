import { graphsOf, recorded } from '../core/record.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import type { Tape } from '../core/tape.js';
import { wrongShape, wrongType, wrongValue } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import { rowMajorStrides, stridedCopy } from './strided-copy.js';

/** Axis i of the result is axis axes[i] of x. */
export function permute(x: AnyTensor, axes: readonly number[]): AnyTensor {
  const { shape } = x;
  if (!Array.isArray(axes)) throw wrongType('axes', 'an array of axes', axes);
  if (axes.length !== shape.length) {
    throw wrongShape('axes', `${shape.length} axes of shape ${formatShape(shape)}`, `${axes.length} axes`);
  }
  const order = Array.from(axes, (axis, i) => readAxis(`axes[${i}]`, axis, shape));
  order.forEach((axis, i) => {
    const first = order.indexOf(axis);
    if (first < i) throw wrongValue('axes', 'each axis once', `axis ${axis} at ${first} and ${i}`);
  });
  return permuted(x, order);
}

/** Exchanges two axes, by default the last two. */
export function transpose(x: AnyTensor, axis1 = -2, axis2 = -1): AnyTensor {
  const { shape } = x;
  if (shape.length < 2) {
    throw wrongShape('the tensor of transpose', 'at least two axes', `shape ${formatShape(shape)}`);
  }
  const first = readAxis('axis1', axis1, shape);
  const second = readAxis('axis2', axis2, shape);
  const order = shape.map((_, axis) => (axis === first ? second : axis === second ? first : axis));
  return permuted(x, order);
}

/** An axis of a shape as a number from 0; negative ones count from the end. */
export function readAxis(argument: string, axis: unknown, shape: Shape): number {
  const rank = shape.length;
  const expected =
    rank === 0
      ? 'no axis, because a scalar has no axes,'
      : `an integer from ${-rank} to ${rank - 1} (shape ${formatShape(shape)})`;
  if (typeof axis !== 'number') throw wrongType(argument, expected, axis);
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw wrongValue(argument, expected, String(axis));
  }
  return axis < 0 ? axis + rank : axis;
}

function permuted<T extends Tape>(x: Tensor<Shape, T>, order: readonly number[]): Tensor<Shape, T> {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const shape = Object.freeze(order.map((axis) => x.shape[axis]));
  const strides = rowMajorStrides(x.shape);
  const inputStrides = order.map((axis) => strides[axis]);
  const outputStrides = rowMajorStrides(shape);
  const n = input.values.length;
  const result = Storage.take(n);
  stridedCopy(shape, { values: input, strides: inputStrides }, { values: result, strides: outputStrides });
  return recorded(graphs, inputs, shape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      stridedCopy(shape, { values: dy, strides: outputStrides }, { values: dx, strides: inputStrides });
      accumulate(0, dx);
    },
  }));
}
