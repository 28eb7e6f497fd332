import { type Any, axisOf, count, type Operator, type Operators, typed } from './operator.js';
import type { Call } from './value.js';

/** The axes of a reduction: an attribute, or an input in later opsets; all by default. */
function reducedAxes(call: Call, x: Any): readonly number[] | undefined {
  const axes = call.list('axes') ?? call.numbers(1);
  if (axes !== undefined && axes.length > 0) return axes;
  if (call.number('noop_with_empty_axes', 0) !== 0) return [];
  return x.shape.map((_, axis) => axis);
}

const reduction =
  (
    reduce: (x: Any, options: { axes: readonly number[]; keepDims: boolean }) => Any,
    before = (x: Any) => x,
    after = (x: Any) => x,
  ): Operator =>
  (call) => {
    const x = call.floats(0);
    const axes = reducedAxes(call, x);
    const inner = before(x);
    if (axes === undefined || axes.length === 0) return after(inner);
    return after(reduce(inner, { axes, keepDims: call.number('keepdims', 1) !== 0 }));
  };
const sumOver = (x: Any, options: { axes: readonly number[]; keepDims: boolean }): Any => x.sum(options);

const arg =
  (find: (x: Any, options: { axis: number; keepDims: boolean }) => Any): Operator =>
  (call) => {
    call.only('select_last_index', 0);
    const options = { axis: call.number('axis', 0), keepDims: call.number('keepdims', 1) !== 0 };
    return typed('int64', find(call.floats(0), options));
  };

/** Applies a function of the last axis to another one; before opset 13 to all axes from there on. */
function alongAxis(call: Call, f: (x: Any) => Any): Any {
  const x = call.floats(0);
  const rank = x.shape.length;
  if (call.opset < 13) {
    const axis = axisOf(call.number('axis', 1), rank);
    const rows = count(x.shape.slice(0, axis));
    return f(x.reshape([rows, count(x.shape.slice(axis))])).reshape(x.shape);
  }
  const axis = axisOf(call.number('axis', -1), rank);
  if (axis === rank - 1) return f(x);
  return f(x.transpose(axis, -1)).transpose(axis, -1);
}

function globalPool(call: Call, reduce: 'mean' | 'max'): Any {
  const x = call.floats(0);
  const axes = x.shape.map((_, axis) => axis).slice(2);
  return x[reduce]({ axes, keepDims: true });
}

/** Operators along axes: sums, extrema, softmax. */
export const reductions: Operators = {
  ReduceSum: reduction(sumOver),
  ReduceMean: reduction((x, options) => x.mean(options)),
  ReduceMax: reduction((x, options) => x.max(options)),
  ReduceMin: reduction((x, options) => x.min(options)),
  ReduceL1: reduction(sumOver, (x) => x.abs()),
  ReduceL2: reduction(
    sumOver,
    (x) => x.square(),
    (x) => x.sqrt(),
  ),
  ReduceSumSquare: reduction(sumOver, (x) => x.square()),
  ReduceLogSum: reduction(
    sumOver,
    (x) => x,
    (x) => x.log(),
  ),
  ReduceLogSumExp: reduction(
    sumOver,
    (x) => x.exp(),
    (x) => x.log(),
  ),
  ArgMax: arg((x, options) => x.argmax(options)),
  ArgMin: arg((x, options) => x.argmin(options)),
  Softmax: (call) => alongAxis(call, (x) => x.softmax()),
  LogSoftmax: (call) =>
    alongAxis(call, (x) =>
      x
        .reshape([count(x.shape.slice(0, -1)), x.shape[x.shape.length - 1]])
        .logSoftmax()
        .reshape(x.shape),
    ),
  GlobalAveragePool: (call) => globalPool(call, 'mean'),
  GlobalMaxPool: (call) => globalPool(call, 'max'),
};
