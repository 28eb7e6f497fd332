import { elementCount, sameShape, type Shape } from '../../core/shape.js';
import { rowMajorStrides } from '../../ops/strided-copy.js';
import type { CapturedCall, CapturedValue } from '../../plan/captured-graph.js';
import { array, type Emit, type GraphBuilder, int, ints, unsupported } from './graph-builder.js';

// permute, slice, concat and broadcasting are all copies with strides.

/** An axis of a copy with more than one element, and the distance of its elements. */
interface Axis {
  readonly size: number;
  readonly x: number;
  readonly y: number;
}

function axesOf({ args }: CapturedCall): readonly Axis[] {
  return [0, 1, 2, 3, 4]
    .map((i) => ({
      size: Number(args[`size${i}`]),
      x: Number(args[`xStride${i}`]),
      y: Number(args[`yStride${i}`]),
    }))
    .filter(({ size }) => size !== 1);
}

/** Writes the copies among some calls. Several copies into one value are the parts of a `Concat`. */
export function emitCopies(calls: readonly CapturedCall[]): Emit {
  const writers = new Map<CapturedValue, CapturedCall[]>();
  for (const call of calls) {
    if (call.operation !== 'stridedCopy') continue;
    const { value } = array(call.args.y);
    writers.set(value, [...(writers.get(value) ?? []), call]);
  }
  return (call, graph) => {
    const { value } = array(call.args.y);
    const parts = writers.get(value) ?? [];
    if (parts.length === 1) emitCopy(call, graph);
    else if (call === parts.at(-1)) emitConcat(value, parts, graph);
  };
}

function emitConcat(whole: CapturedValue, calls: readonly CapturedCall[], graph: GraphBuilder): void {
  const shape = whole.shape ?? [whole.length];
  const parts = calls
    .map((call) => {
      const axes = axesOf(call);
      const inner = axes.find(({ y }) => y === 1);
      const outer = axes.filter((axis) => axis !== inner);
      if (outer.length > 1) throw unsupported('a part of a tensor');
      return { call, begin: array(call.args.y).offset, width: inner?.size ?? 1, row: outer[0]?.y };
    })
    .sort((a, b) => a.begin - b.begin);
  const rows = new Set(parts.map(({ row }) => row ?? whole.length));
  const [row] = rows;
  const total = parts.reduce((sum, { width }) => sum + width, 0);
  const inner = (axis: number) => elementCount(shape.slice(axis + 1));
  const axis = shape.findLastIndex(
    (_, i) =>
      elementCount(shape.slice(i)) === row && parts.every(({ width }) => width > 0 && width % inner(i) === 0),
  );
  if (rows.size !== 1 || total !== row || axis < 0) throw unsupported('a part of a tensor');
  const names = parts.map(({ call, width }) =>
    graph.read(
      call.args.x,
      shape.map((size, i) => (i === axis ? width / inner(axis) : size)),
    ),
  );
  graph.define(whole, { name: graph.node('Concat', names, { axis: int(axis) }), shape });
}

/** A copy that writes a whole value. */
function emitCopy(call: CapturedCall, graph: GraphBuilder): void {
  const { value, offset } = array(call.args.y);
  const axes = axesOf(call);
  const strides = rowMajorStrides(axes.map(({ size }) => size));
  const isWhole = offset === 0 && axes.reduce((count, { size }) => count * size, 1) === value.length;
  if (!isWhole || axes.some(({ y }, i) => y !== strides[i])) throw unsupported('a part of a tensor');
  const shape = value.shape ?? axes.map(({ size }) => size);
  const xStrides = stridesIn(shape, axes);
  if (xStrides === undefined) throw unsupported('a copy in parts of axes');
  if (xStrides.includes(0)) emitBroadcast(call, graph, shape, xStrides);
  else if (!emitSlice(call, graph, shape, xStrides)) emitView(call, graph, shape, xStrides);
}

/** The strides in x of the axes of a shape, of which the copy joined neighbors; NaN for axes of size 1. */
function stridesIn(shape: Shape, axes: readonly Axis[]): readonly number[] | undefined {
  const strides = shape.map(() => NaN);
  let next = axes.length - 1;
  let covered = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (next < 0) return undefined;
    const { size, x } = axes[next];
    strides[axis] = x * covered;
    covered *= shape[axis];
    if (size % covered !== 0) return undefined;
    if (size === covered) {
      next--;
      covered = 1;
    }
  }
  return next < 0 ? strides : undefined;
}

/** Repeats x along the axes with a stride of 0. */
function emitBroadcast(
  call: CapturedCall,
  graph: GraphBuilder,
  shape: Shape,
  strides: readonly number[],
): void {
  const repeated = shape.map((size, axis) => (strides[axis] === 0 ? 1 : size));
  const expected = rowMajorStrides(repeated);
  const { value } = array(call.args.x);
  const fits = repeated.every((size, axis) => size === 1 || strides[axis] === expected[axis]);
  if (!fits || elementCount(repeated) !== value.length) throw unsupported('a copy in parts of axes');
  // Leading axes of size 1 are left out, as in NumPy.
  const first = repeated.findIndex((size) => size !== 1);
  const source = first < 0 ? [] : repeated.slice(first);
  graph.defineRepeated(
    graph.whole(call.args.y),
    { name: graph.read(call.args.x, source), shape: source },
    shape,
  );
}

/** A part of x along one axis, if the copy is one. */
function emitSlice(
  call: CapturedCall,
  graph: GraphBuilder,
  shape: Shape,
  strides: readonly number[],
): boolean {
  const { value, offset } = array(call.args.x);
  const { name, shape: given } = graph.find(value);
  if (given.length !== shape.length) return false;
  const whole = rowMajorStrides(given);
  const isOther = (axis: number) =>
    shape[axis] !== given[axis] || (shape[axis] > 1 && strides[axis] !== whole[axis]);
  const changed = shape.map((_, axis) => axis).filter(isOther);
  if (changed.length > 1) return false;
  const [axis] = changed;
  if (axis === undefined) {
    graph.define(graph.whole(call.args.y), { name: graph.node('Identity', [name]), shape });
    return offset === 0;
  }
  const [start, step] = [offset / whole[axis], shape[axis] === 1 ? 1 : strides[axis] / whole[axis]];
  const end = start + (shape[axis] - 1) * step + 1;
  if (!Number.isInteger(start) || !Number.isInteger(step) || end > given[axis]) return false;
  const bounds = [[start], [end], [axis], [step]].map((each) => graph.indices(each));
  graph.define(graph.whole(call.args.y), { name: graph.node('Slice', [name, ...bounds]), shape });
  return true;
}

/**
 * Any other copy: x in a shape with an axis for each stride, of which a part is taken, in another order. Axes of a
 * permutation keep the shape of x.
 */
function emitView(call: CapturedCall, graph: GraphBuilder, shape: Shape, strides: readonly number[]): void {
  const { value, offset } = array(call.args.x);
  const { name, shape: given } = graph.find(value);
  const axes = shape
    .map((size, axis) => ({ size, stride: strides[axis], axis }))
    .filter(({ size }) => size !== 1);
  const sorted = [...axes].sort((a, b) => b.stride - a.stride);
  if (offset === 0 && elementCount(shape) === value.length) {
    const order = permutation(given, shape, sorted);
    if (order !== undefined) {
      const transposed = graph.node('Transpose', [name], { perm: ints(order) });
      graph.define(graph.whole(call.args.y), { name: transposed, shape });
      return;
    }
  }
  const outer = [value.length, ...sorted.map(({ stride }) => stride)];
  const sizes = [...sorted.map(({ stride }, i) => outer[i] / stride), outer[outer.length - 1]];
  if (sizes.some((size) => !Number.isInteger(size)))
    throw unsupported('a slice that does not divide its tensor');
  const units = [...sorted.map(({ stride }) => stride), 1];
  const starts = units.map((unit, i) => Math.floor(offset / unit) % sizes[i]);
  const counts = [...sorted.map(({ size }) => size), 1];
  if (counts.some((count, i) => starts[i] + count > sizes[i])) throw unsupported('a slice across axes');
  let view = graph.inShape({ name, shape: given }, sizes);
  const cut = sizes.map((_, i) => i).filter((i) => counts[i] !== sizes[i]);
  if (cut.length > 0) {
    const ends = cut.map((i) => starts[i] + counts[i]);
    view = graph.node('Slice', [
      view,
      ...[cut.map((i) => starts[i]), ends, cut].map((each) => graph.indices(each)),
    ]);
  }
  const order = axes.map((axis) => sorted.indexOf(axis));
  const isOrdered = order.every((each, i) => each === i);
  if (!isOrdered) view = graph.node('Transpose', [view], { perm: ints([...order, order.length]) });
  const viewShape = [...axes.map(({ size }) => size), 1];
  graph.write(call.args.y, { name: view, shape: viewShape });
}

/** The order of the axes of `given` that makes `shape`, if it has the same axes; those of size 1 may be anywhere. */
function permutation(
  given: Shape,
  shape: Shape,
  sorted: readonly { readonly size: number; readonly axis: number }[],
): readonly number[] | undefined {
  const axesOfGiven = given.map((_, axis) => axis);
  const large = axesOfGiven.filter((axis) => given[axis] !== 1);
  const small = axesOfGiven.filter((axis) => given[axis] === 1);
  const sizes = sorted.map(({ size }) => size);
  if (
    given.length !== shape.length ||
    !sameShape(
      large.map((axis) => given[axis]),
      sizes,
    )
  )
    return undefined;
  return shape.map((size, axis) =>
    size === 1 ? (small.shift() ?? 0) : large[sorted.findIndex((each) => each.axis === axis)],
  );
}
