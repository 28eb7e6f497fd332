import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { freshFloats } from '../backend/allocation.js';
import type { Graph } from '../core/graph.js';
import { graphsOf, recorded } from '../core/record.js';
import { elementCount, formatShape, sameShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { isTaped, storageOf } from '../core/tensor.js';
import { readShape } from '../core/values.js';
import { wrongShape } from '../validation/errors.js';
import type { AnyTensor } from './operand.js';
import { rowMajorStrides, stridedCopy } from './strided-copy.js';

/**
 * The shape of an element-wise result under numpy's rules: axes are compared from the last on, and one of size 1, or one
 * that is missing, is repeated.
 * @throws RangeError naming the argument of the right shape if sizes differ and neither is 1, or for a result that no array can hold.
 */
export function broadcastShape(left: Shape, right: Shape, argument = 'other'): Shape {
  const rank = Math.max(left.length, right.length);
  const sizeAt = (shape: Shape, axis: number) => shape[axis - (rank - shape.length)] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const size = sizeAt(left, axis);
    const other = sizeAt(right, axis);
    if (size === other || other === 1) return size;
    if (size === 1) return other;
    throw wrongShape(
      argument,
      `a shape that broadcasts with ${formatShape(left)}`,
      `shape ${formatShape(right)}`,
    );
  });
  return readShape('the result', shape);
}

/** Applies an operation to tensors whose values are first repeated to a shape that all of them broadcast to. */
export function withShape<Operands extends readonly AnyTensor[], Result>(
  shape: Shape,
  operands: readonly [...Operands],
  apply: (operands: Operands) => Result,
): Result {
  // The graph of a taped tensor releases it; nothing else would release the others soon.
  const temporary: AnyTensor[] = [];
  // Repeating a tensor without a tape, such as a parameter, is recorded with the others, so that it gets a gradient.
  const graphs = graphsOf(operands);
  const repeated = operands.map((operand) => {
    const whole = broadcastTo(operand, shape, graphs);
    if (whole !== operand && !isTaped(whole)) temporary.push(whole);
    return whole;
  });
  const result = apply(repeated as unknown as Operands);
  for (const each of temporary) each.dispose();
  return result;
}

/** Applies an operation that is not recorded to a tensor without its tape. */
export function withoutTape<Result>(x: AnyTensor, apply: (x: AnyTensor) => Result): Result {
  if (!isTaped(x)) return apply(x);
  const detached = x.detach();
  const result = apply(detached);
  detached.dispose();
  return result;
}

/** A tensor repeated along its axes of size 1, and along new axes in front, to a shape that it broadcasts to. */
function broadcastTo(x: AnyTensor, shape: Shape, graphs: readonly Graph[]): AnyTensor {
  if (sameShape(x.shape, shape)) return x;
  const inputs = [x];
  const input = storageOf(x);
  const missing = shape.length - x.shape.length;
  const sizes = shape.map((_, axis) => (axis < missing ? 1 : x.shape[axis - missing]));
  const result = Storage.take(elementCount(shape));
  const strides = rowMajorStrides(sizes);
  stridedCopy(
    shape,
    { values: input, strides: strides.map((stride, axis) => (sizes[axis] === 1 ? 0 : stride)) },
    { values: result, strides: rowMajorStrides(shape) },
  );
  return recorded(graphs, inputs, shape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      accumulate(0, sumRepeated(dy, shape, sizes));
    },
  }));
}

/** Sums over the axes along which values were repeated: those of size 1 in `sizes`. */
function sumRepeated(dy: Storage, shape: Shape, sizes: Shape): Storage {
  const repeated = shape.map((_, axis) => axis).filter((axis) => sizes[axis] === 1 && shape[axis] !== 1);
  const kept = shape.map((_, axis) => axis).filter((axis) => !repeated.includes(axis));
  const order = [...repeated, ...kept];
  const strides = rowMajorStrides(shape);
  const ordered = order.map((axis) => shape[axis]);
  const columns = elementCount(kept.map((axis) => shape[axis]));
  const rows = elementCount(repeated.map((axis) => shape[axis]));
  let moved: Float32Array | undefined;
  // The repeated axes first, so that each row has one value of every sum.
  if (order.some((axis, i) => axis !== i)) {
    moved = freshFloats('working space', dy.values.length);
    stridedCopy(
      ordered,
      { values: dy, strides: order.map((axis) => strides[axis]) },
      { values: moved, strides: rowMajorStrides(ordered) },
    );
  }
  const dx = Storage.take(columns);
  backend.sumRows(rows, columns, named('x', moved ?? dy.values), dx.named('out'));
  return dx;
}
