import { elementCount, type Shape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { rowMajorStrides, stridedCopy } from '../../ops/strided-copy.js';
import { areSizes, type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { TensorInfo } from '../tensorflow.js';
import { copyPart, outputLayout, storedImage, type View, viewOf } from '../views.js';

// Kernels that only move values. Strides describe either layout, so planes are read, and where it helps written, as they are.

/** A new tensor that `fill` writes. */
function written({ backend }: Call, shape: Shape, planes: boolean, fill: (y: View) => void): TensorInfo {
  const layout = outputLayout(shape, planes);
  const values = storagePool.take(elementCount(shape));
  fill({ values, ...layout });
  return backend.output(shape, values, layout.image);
}

const zeros = (rank: number) => new Array<number>(rank).fill(0);

const transpose: Kernel = (call) => {
  const { x } = call.inputs;
  const { perm } = call.attrs;
  if (!isFloats(x) || !Array.isArray(perm)) return undefined;
  const order = perm as readonly number[];
  const from = viewOf(call, x);
  const shape = order.map((axis) => x.shape[axis]);
  const strides = order.map((axis) => from.strides[axis]);
  return written(call, shape, false, (y) => stridedCopy(shape, { values: from.values, strides }, y));
};

const tile: Kernel = (call) => {
  const { x } = call.inputs;
  const { reps } = call.attrs;
  if (!isFloats(x) || !Array.isArray(reps) || reps.length !== x.shape.length) return undefined;
  const counts = reps as readonly number[];
  if (!areSizes(...counts) || counts.includes(0)) return undefined;
  const from = viewOf(call, x);
  const shape = x.shape.map((size, axis) => size * counts[axis]);
  return written(call, shape, from.image !== undefined, (y) => {
    // Each axis is one of copies around one of elements.
    const sizes = x.shape.flatMap((size, axis) => [counts[axis], size]);
    const xStrides = from.strides.flatMap((stride) => [0, stride]);
    const yStrides = y.strides.flatMap((stride, axis) => [stride * x.shape[axis], stride]);
    stridedCopy(sizes, { values: from.values, strides: xStrides }, { values: y.values, strides: yStrides });
  });
};

const slice: Kernel = (call) => {
  const { x } = call.inputs;
  if (!isFloats(x)) return undefined;
  const { parseSliceParams, assertParamsValid } = call.tf.slice_util;
  const [begin, size] = parseSliceParams(x, call.attrs.begin, call.attrs.size);
  assertParamsValid(x, begin, size);
  if (elementCount(size) === 0) return undefined;
  const from = viewOf(call, x);
  return written(call, size, from.image !== undefined, (y) =>
    copyPart(size, from, begin, y, zeros(size.length)),
  );
};

/** The masks of a strided slice, in the order of `slice_util.sliceInfo`. */
const sliceMasks = ['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'] as const;

const stridedSlice: Kernel = (call) => {
  const { x } = call.inputs;
  if (!isFloats(x)) return undefined;
  const { begin, end, strides } = call.attrs;
  const masks = sliceMasks.map((mask) => Number(call.attrs[mask]));
  const info = call.tf.slice_util.sliceInfo(x.shape, begin, end, strides, ...masks);
  const { finalShapeSparse: sizes, finalShape } = info;
  // Plain slices are those of `slice`, which the cpu backend calls; steps backwards are left to it, too.
  if (info.isIdentity || info.sliceDim0 || info.isSimpleSlice) return undefined;
  if (elementCount(sizes) === 0 || !areSizes(...info.strides)) return undefined;
  const from = viewOf(call, x);
  const values = storagePool.take(elementCount(sizes));
  const steps = from.strides.map((stride, axis) => stride * info.strides[axis]);
  const first = info.begin.reduce((sum, index, axis) => sum + index * from.strides[axis], 0);
  stridedCopy(
    sizes,
    { values: from.values.subarray(first), strides: steps },
    { values, strides: rowMajorStrides(sizes) },
  );
  return call.backend.output(finalShape, values, undefined);
};

const pad: Kernel = (call) => {
  const { x } = call.inputs;
  const { paddings, constantValue } = call.attrs;
  if (!isFloats(x) || !Array.isArray(paddings) || typeof constantValue !== 'number') return undefined;
  const pairs = paddings as readonly (readonly [number, number])[];
  if (!areSizes(...pairs.flat())) return undefined;
  const from = viewOf(call, x);
  const shape = x.shape.map((size, axis) => pairs[axis][0] + size + pairs[axis][1]);
  return written(call, shape, from.image !== undefined, (y) => {
    y.values.fill(constantValue);
    copyPart(
      x.shape,
      from,
      zeros(shape.length),
      y,
      pairs.map(([before]) => before),
    );
  });
};

/** The tensors of a variadic kernel. */
function tensorsOf({ inputs }: Call): TensorInfo[] | undefined {
  const tensors = Object.values(inputs);
  return tensors.every(isFloats) ? tensors : undefined;
}

/** Concatenates tensors with the given shapes along an axis. */
function concatenated(call: Call, tensors: readonly TensorInfo[], axis: number): TensorInfo | undefined {
  const [first] = tensors;
  const rank = first.shape.length;
  if (!Number.isInteger(axis) || axis < 0 || axis >= rank) return undefined;
  const agree = tensors.every(
    ({ shape }) => shape.length === rank && shape.every((size, i) => i === axis || size === first.shape[i]),
  );
  if (!agree) return undefined;
  const shape = [...first.shape];
  shape[axis] = tensors.reduce((sum, each) => sum + each.shape[axis], 0);
  const planes = tensors.some((each) => storedImage(call, each) !== undefined);
  return written(call, shape, planes, (y) => {
    const begin = zeros(rank);
    for (const each of tensors) {
      copyPart(each.shape, viewOf(call, each), zeros(rank), y, begin);
      begin[axis] += each.shape[axis];
    }
  });
}

const concat: Kernel = (call) => {
  const tensors = tensorsOf(call);
  // The cpu backend returns the only tensor itself.
  if (tensors === undefined || tensors.length < 2) return undefined;
  const axis = Number(call.attrs.axis);
  return concatenated(call, tensors, axis < 0 ? axis + tensors[0].shape.length : axis);
};

const pack: Kernel = (call) => {
  const tensors = tensorsOf(call);
  if (tensors === undefined || tensors.length < 2) return undefined;
  const given = Number(call.attrs.axis);
  const axis = given < 0 ? given + tensors[0].shape.length + 1 : given;
  const expanded = tensors.map(({ dataId, shape, dtype }) => ({
    ...{ dataId, dtype },
    shape: [...shape.slice(0, axis), 1, ...shape.slice(axis)],
  }));
  return concatenated(call, expanded, axis);
};

const gather: Kernel = (call) => {
  const { x, indices } = call.inputs;
  const { axis = 0, batchDims = 0 } = call.attrs;
  if (!isFloats(x) || indices?.dtype !== 'int32' || axis !== 0 || batchDims !== 0) return undefined;
  const rows = call.backend.dataOf(indices).numbers();
  const [count] = x.shape;
  if (!Array.from(rows).every((row) => row >= 0 && row < count)) return undefined;
  const shape = [...indices.shape, ...x.shape.slice(1)];
  if (elementCount(shape) === 0 || x.shape.length === 0) return undefined;
  const length = elementCount(x.shape.slice(1));
  const values = call.backend.dataOf(x).floats();
  return written(call, shape, false, (y) => {
    for (let i = 0; i < rows.length; i++) {
      const begin = rows[i] * length;
      if (length === 1) y.values[i] = values[begin];
      else y.values.set(values.subarray(begin, begin + length), i * length);
    }
  });
};

/** Casts to int32 truncate. */
const cast: Kernel = ({ backend, inputs: { x }, attrs: { dtype } }) => {
  if (!isFloats(x) || dtype !== 'int32') return undefined;
  const values = new Int32Array(backend.dataOf(x).floats());
  return { dataId: backend.write(values, x.shape, dtype), shape: [...x.shape], dtype };
};

export const copyKernels: Kernels = {
  Transpose: transpose,
  Tile: tile,
  Slice: slice,
  StridedSlice: stridedSlice,
  PadV2: pad,
  Concat: concat,
  Pack: pack,
  GatherV2: gather,
  Cast: cast,
};
