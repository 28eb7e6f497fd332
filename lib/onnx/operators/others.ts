import { Tensor } from '../../core/tensor.js';
import { Dropout as DropoutLayer } from '../../nn/layers/dropout.js';
import { elementTypeName, isFloatType } from '../proto/element-types.js';
import { type AnyTensor, isIntegers, type Value } from '../values.js';
import { axisOf, type NodeReader } from './node-reader.js';
import { chain, consume, integers, operator } from './operator.js';
import { full, listIn, listOf } from './arguments.js';
import { sameAsInput } from './sizes.js';

export const Dropout = operator(sameAsInput, (node) => {
  const ratio = node.numbers(1)?.[0] ?? node.number('ratio', 0.5);
  if (node.has(2) && node.numbers(2)?.[0] !== 0) node.unsupported('training_mode');
  if (!(ratio >= 0 && ratio <= 1)) node.unsupported(`ratio = ${ratio}`);
  const layer = new DropoutLayer(Number(ratio.toPrecision(7)));
  return { layer, held: [1, 2], compute: (call) => call.layer(call.tensor(0)) };
});

/** Before opset 13, all axes from the given one on are normalized together. */
const overAxis = (compute: (x: AnyTensor) => AnyTensor) =>
  operator(sameAsInput, (node) => (call) => {
    const x = call.tensor(0);
    const rank = x.shape.length;
    const axis = axisOf(node.number('axis', node.opset < 13 ? 1 : -1), rank, node);
    if (axis === rank - 1) return compute(x);
    if (node.opset >= 13) {
      return chain(
        x,
        (each) => each.transpose(axis, -1),
        compute,
        (each) => each.transpose(axis, -1),
      );
    }
    const rows = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    return chain(
      x,
      (each) => each.reshape([rows, -1]),
      compute,
      (each) => each.reshape(x.shape),
    );
  });

export const Softmax = overAxis((x) => x.softmax());
export const LogSoftmax = overAxis((x) =>
  chain(
    x,
    (each) => each.reshape([-1, x.shape[x.shape.length - 1]]),
    (each) => each.logSoftmax(),
    (each) => each.reshape(x.shape),
  ),
);

interface ReduceOptions {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

const reduction = (reduce: (x: AnyTensor, options: ReduceOptions) => AnyTensor) =>
  operator(
    (node) => {
      const sizes = node.sizes(0);
      if (sizes === undefined) return undefined;
      const axes = new Set(reducedAxes(node, listOf(node, 'axes', 1), sizes.length));
      const keep = node.number('keepdims', 1) !== 0;
      return sizes.flatMap((size, axis) => (axes.has(axis) ? (keep ? [1] : []) : [size]));
    },
    (node) => (call) => {
      const x = call.tensor(0);
      const axes = reducedAxes(node, listIn(node, 'axes', call, 1), x.shape.length);
      return axes.length === 0 ? x : reduce(x, { axes, keepDims: node.number('keepdims', 1) !== 0 });
    },
  );

function reducedAxes(node: NodeReader, axes: readonly number[] | undefined, rank: number): readonly number[] {
  if (axes !== undefined && axes.length > 0) return axes.map((axis) => axisOf(axis, rank, node));
  if (node.number('noop_with_empty_axes', 0) !== 0) return [];
  return Array.from({ length: rank }, (_, axis) => axis);
}

export const ReduceMean = reduction((x, options) => x.mean(options));
export const ReduceSum = reduction((x, options) => x.sum(options));
export const ReduceMax = reduction((x, options) => emptyReduction(x, options, -Infinity) ?? x.max(options));
export const ReduceMin = reduction((x, options) => emptyReduction(x, options, Infinity) ?? x.min(options));

/** The extremum of no values, if there are none along the axes. */
function emptyReduction(
  x: AnyTensor,
  { axes, keepDims }: ReduceOptions,
  value: number,
): AnyTensor | undefined {
  if (axes.every((axis) => x.shape[axis] > 0)) return undefined;
  const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [size]));
  return full(shape, value);
}

export const ReduceL1 = reduction((x, options) => consume(x.abs(), (each) => each.sum(options)));
export const ReduceSumSquare = reduction((x, options) => consume(x.square(), (each) => each.sum(options)));
export const ReduceL2 = reduction((x, options) =>
  chain(
    x.square(),
    (each) => each.sum(options),
    (each) => each.sqrt(),
  ),
);
export const ReduceLogSum = reduction((x, options) => consume(x.sum(options), (each) => each.log()));

/** The position of the extremum, as whole numbers in a tensor of floats. */
const extremumIndex = (
  find: (x: AnyTensor, options: { readonly axis: number; readonly keepDims: boolean }) => AnyTensor,
) =>
  operator(
    (node) => {
      const sizes = node.sizes(0);
      if (sizes === undefined) return undefined;
      const found = axisOf(node.number('axis', 0), sizes.length, node);
      const keep = node.number('keepdims', 1) !== 0;
      return sizes.flatMap((size, axis) => (axis === found ? (keep ? [1] : []) : [size]));
    },
    (node) => {
      node.only('select_last_index', 0);
      return (call) => {
        const x = call.tensor(0);
        const axis = axisOf(node.number('axis', 0), x.shape.length, node);
        return find(x, { axis, keepDims: node.number('keepdims', 1) !== 0 });
      };
    },
  );

export const ArgMax = extremumIndex((x, options) => x.argmax(options));
export const ArgMin = extremumIndex((x, options) => x.argmin(options));

export const Cast = operator(sameAsInput, (node) => {
  const to = node.number('to', 1);
  const isFloat = isFloatType(to);
  if (elementTypeName(to) === 'string') node.unsupported('strings');
  return (call) => {
    const value = call.value(0);
    if (isFloat) return isIntegers(value) ? Tensor.from(value.numbers, value.shape) : value;
    if (elementTypeName(to) === 'bool') {
      // A condition stays a tensor, so that it has any size and plans can record it.
      if (!isIntegers(value)) return value.notEqual(0);
      return integers(
        value.numbers.map((each) => Number(each !== 0)),
        value.shape,
      );
    }
    if (isIntegers(value)) return value;
    return integers((call.numbers(0) ?? []).map(Math.trunc), value.shape);
  };
});

export const Constant = operator(
  (node) => readConstant(node).shape,
  (node) => {
    const value = readConstant(node);
    return () => value;
  },
);

function readConstant(node: NodeReader): Value {
  const value = node.attribute('value');
  if (value?.kind === 'tensor') return node.readTensor(value.tensor);
  const floats = node.list('value_floats');
  if (floats !== undefined) return Tensor.from(floats, [floats.length]);
  const ints = node.list('value_ints');
  if (ints !== undefined) return integers(ints);
  if (node.hasAttribute('value_int')) return integers([node.number('value_int', 0)], []);
  if (node.hasAttribute('value_float')) return Tensor.from([node.number('value_float', 0)], []);
  return node.unsupported('a constant of another type');
}
