import { elementCount, type Shape } from '../../core/shape.js';
import { Tensor } from '../../core/tensor.js';
import { broadcastShape } from '../../ops/broadcast.js';
import { concat } from '../../ops/concat.js';
import { rangeError } from '../../validation/errors.js';
import { isIntegers, isKnown, numbersOf, type Sizes, type Value } from '../values.js';
import { joinedIntegers, requireCount, transposedIntegers } from './integer-arithmetic.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { full, gather, listIn, listOf } from './arguments.js';
import { consume, integers, operator, type Operator } from './operator.js';
import { broadcastSizes, product, sameAsInput } from './sizes.js';

// Operators that move values or describe shapes.

/** The same values in another shape. */
function reshaped(value: Value, shape: Shape): Value {
  return isIntegers(value) ? integers(value.numbers, shape) : value.reshape(shape);
}

export const Identity = operator(sameAsInput, () => (call) => call.value(0));

export const Reshape = operator(
  (node) => {
    const wanted = listOf(node, 'shape', 1);
    if (wanted === undefined) {
      const [count] = node.sizes(1) ?? [];
      return typeof count === 'number' && count <= 64 ? Array<string>(count).fill('?') : undefined;
    }
    const sizes = node.sizes(0);
    const copied = wanted.map((size, axis) =>
      size === 0 && !allowsZero(node) ? (sizes?.[axis] ?? '?') : size,
    );
    if (!isKnown(sizes)) return copied.map((size) => (size === -1 ? '?' : size));
    return openSize(copied.map(Number), elementCount(sizes));
  },
  (node) => (call) => {
    const value = call.value(0);
    const wanted = listIn(node, 'shape', call, 1) ?? [];
    const copied = wanted.map((size, axis) => (size === 0 && !allowsZero(node) ? value.shape[axis] : size));
    return reshaped(value, openSize(copied, elementCount(value.shape)));
  },
);

const allowsZero = (node: NodeReader) => node.number('allowzero', 0) !== 0;

/** Replaces a size of -1 by the one that fits. */
function openSize(sizes: readonly number[], count: number): Shape {
  const others = sizes.reduce((a, b) => (b === -1 ? a : a * b), 1);
  return sizes.map((size) => (size === -1 && others > 0 ? Math.floor(count / others) : size));
}

export const Flatten = operator(
  (node) => {
    const sizes = node.sizes(0);
    if (sizes === undefined) return ['?', '?'];
    const axis = flattenAxis(node, sizes.length);
    return [product(sizes.slice(0, axis)), product(sizes.slice(axis))];
  },
  (node) => (call) => {
    const value = call.value(0);
    const axis = flattenAxis(node, value.shape.length);
    return reshaped(value, [elementCount(value.shape.slice(0, axis)), elementCount(value.shape.slice(axis))]);
  },
);

function flattenAxis(node: NodeReader, rank: number): number {
  const axis = node.number('axis', 1);
  return axis === rank ? rank : axisOf(axis, rank, node);
}

export const Transpose = operator(
  (node) => {
    const sizes = node.sizes(0);
    return sizes && order(node, sizes.length).map((axis) => sizes[axis]);
  },
  (node) => (call) => {
    const value = call.value(0);
    const axes = order(node, value.shape.length);
    return isIntegers(value) ? transposedIntegers(value, axes) : value.permute(axes);
  },
);

function order(node: NodeReader, rank: number): readonly number[] {
  return node.list('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

export const Squeeze = operator(
  (node) => {
    const sizes = node.sizes(0);
    const axes = listOf(node, 'axes', 1);
    if (sizes === undefined || (axes === undefined && !isKnown(sizes))) return undefined;
    return withoutAxes(node, sizes, axes);
  },
  (node) => (call) => {
    const value = call.value(0);
    return reshaped(value, withoutAxes(node, value.shape, listIn(node, 'axes', call, 1)) as Shape);
  },
);

function withoutAxes(node: NodeReader, sizes: Sizes, axes: readonly number[] | undefined): Sizes {
  const removed = axes?.map((axis) => axisOf(axis, sizes.length, node));
  return sizes.filter((size, axis) => (removed === undefined ? size !== 1 : !removed.includes(axis)));
}

export const Unsqueeze = operator(
  (node) => {
    const sizes = node.sizes(0);
    const axes = listOf(node, 'axes', 1);
    return sizes && axes && withAxes(node, sizes, axes);
  },
  (node) => (call) => {
    const value = call.value(0);
    return reshaped(value, withAxes(node, value.shape, listIn(node, 'axes', call, 1) ?? []) as Shape);
  },
);

function withAxes(node: NodeReader, sizes: Sizes, axes: readonly number[]): Sizes {
  const rank = sizes.length + axes.length;
  const added = new Set(axes.map((axis) => axisOf(axis, rank, node)));
  if (added.size !== axes.length || rank > 64) node.unsupported(`axes = [${axes.join(', ')}]`);
  const rest = [...sizes];
  return Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : (rest.shift() ?? 1)));
}

export const Concat = operator(
  (node) => {
    const all = Array.from({ length: node.count }, (_, i) => node.sizes(i));
    const first = all.find((sizes) => sizes !== undefined);
    if (first === undefined) return undefined;
    const joined = axisOf(node.number('axis', node.opset < 4 ? 1 : 0), first.length, node);
    return first.map((size, axis) => {
      const sizes = all.map((each) => each?.[axis] ?? '?');
      if (axis !== joined) return sizes.find((each) => typeof each === 'number') ?? size;
      return sizes.reduce((a, b) => (typeof a === 'number' && typeof b === 'number' ? a + b : '?'));
    });
  },
  (node) => (call) => {
    const values = Array.from({ length: call.count }, (_, i) => call.value(i));
    const axis = axisOf(node.number('axis', node.opset < 4 ? 1 : 0), values[0].shape.length, node);
    if (values.every(isIntegers)) return joinedIntegers(values, axis);
    return concat(
      values.map((_, i) => call.tensor(i)),
      { axis },
    );
  },
);

export const Split: Operator = {
  sizes: (node) => {
    const sizes = node.sizes(0);
    const parts = node.node.outputs.length;
    if (sizes === undefined) return Array<undefined>(parts).fill(undefined);
    const axis = axisOf(node.number('axis', 0), sizes.length, node);
    const size = sizes[axis];
    const lengths =
      listOf(node, 'split', 1) ?? (typeof size === 'number' ? equalParts(size, parts) : undefined);
    return node.node.outputs.map((_, part) =>
      sizes.map((each, i) => (i === axis ? (lengths?.[part] ?? '?') : each)),
    );
  },
  prepare: (node) => ({
    compute: (call) => {
      const x = call.tensor(0);
      const axis = axisOf(node.number('axis', 0), x.shape.length, node);
      const lengths = listIn(node, 'split', call, 1) ?? equalParts(x.shape[axis], node.node.outputs.length);
      let start = 0;
      return lengths.map((length) => {
        const part = x.slice({ axis, start, end: start + length });
        start += length;
        return part;
      });
    },
  }),
};

/** Equal parts, of which the last one may be smaller. */
function equalParts(size: number, parts: number): readonly number[] {
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, size - i * each)));
}

/** Elements of an axis: one of them, which removes the axis, or a list. */
export const Gather = operator(
  (node) => {
    const [sizes, indices] = [node.sizes(0), node.sizes(1)];
    if (sizes === undefined || indices === undefined) return undefined;
    const axis = axisOf(node.number('axis', 0), sizes.length, node);
    return [...sizes.slice(0, axis), ...indices, ...sizes.slice(axis + 1)];
  },
  (node) => (call) => {
    const value = call.value(0);
    const indices = call.value(1);
    const axis = axisOf(node.number('axis', 0), value.shape.length, node);
    const size = value.shape[axis];
    const positions = (call.numbers(1) ?? []).map((index) => axisOf(index, size, node));
    if (isIntegers(value)) {
      if (value.shape.length !== 1) return node.unsupported('integers of more than one axis');
      return integers(
        positions.map((index) => value.numbers[index]),
        indices.shape,
      );
    }
    const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
    return consume(gather(call, value, axis, positions), (each) => each.reshape(shape));
  },
);

export const Expand = operator(
  (node) => broadcastSizes([node.sizes(0), node.numbers(1)]),
  () => (call) => {
    const x = call.tensor(0);
    // Before memory is allocated: the shape alone could ask for any amount.
    return x.add(Tensor.zeros(broadcastShape(x.shape, call.numbers(1) ?? [])));
  },
);

const ShapeOf = operator(
  (node) => {
    const rank = node.sizes(0)?.length;
    return rank === undefined ? undefined : [partOf(node, Array<number>(rank).fill(0)).length];
  },
  (node) => (call) => integers(partOf(node, call.value(0).shape)),
);

function partOf(node: NodeReader, shape: Shape): Shape {
  return shape.slice(node.number('start', 0), node.hasAttribute('end') ? node.number('end', 0) : undefined);
}

export const Size = operator(
  () => [],
  () => (call) => integers([elementCount(call.value(0).shape)], []),
);

export const ConstantOfShape = operator(
  (node) => node.numbers(0) ?? undefined,
  (node) => {
    const value = node.attribute('value');
    const proto = value?.kind === 'tensor' ? value.tensor : undefined;
    const fill = proto === undefined ? undefined : node.readTensor(proto);
    return (call) => {
      const shape = call.numbers(0) ?? [];
      if (shape.some((size) => size < 0)) {
        throw rangeError(
          'ERR_BATCHNORM_SHAPE',
          `Expected sizes of at least 0 but received [${shape.join(', ')}]`,
        );
      }
      if (fill !== undefined && isIntegers(fill)) {
        const count = requireCount(elementCount(shape));
        return integers(Array<number>(count).fill(fill.numbers[0]), shape);
      }
      return full(shape, fill === undefined ? 0 : numbersOf(fill)[0]);
    };
  },
);

export { ShapeOf as Shape };
