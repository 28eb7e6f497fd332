import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, type Shape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { TensorInfo } from '../tensorflow.js';
import { storedImage } from '../views.js';

/** y = f of the middle axis of x [outer][length][inner]; the last step of a reduction divides. */
type Reduce = (
  outer: number,
  length: number,
  inner: number,
  divisor: number,
  x: Float32Array,
  y: Float32Array,
) => void;

/** Whether each axis is reduced; undefined for axes that the cpu backend refuses. */
function reducedAxes(axes: unknown, rank: number): boolean[] | undefined {
  const reduced = new Array<boolean>(rank).fill(axes === undefined || axes === null);
  const listed: unknown[] = Array.isArray(axes) ? axes : reduced.includes(true) ? [] : [axes];
  for (const axis of listed) {
    const index = Number(axis) < 0 ? Number(axis) + rank : Number(axis);
    if (!Number.isInteger(index) || index < 0 || index >= rank) return undefined;
    reduced[index] = true;
  }
  return reduced;
}

interface Reduction {
  readonly shape: number[];
  /** Sizes in the order of memory, and which of them are reduced; neighbors are joined. */
  readonly sizes: number[];
  readonly reduced: boolean[];
  readonly values: Float32Array;
  readonly count: number;
}

function reductionOf(call: Call, x: TensorInfo, axes: unknown, keepDims: unknown): Reduction | undefined {
  const reduced = reducedAxes(axes, x.shape.length);
  // Without an axis the tensor is only copied.
  if (!reduced?.includes(true)) return undefined;
  const shape = x.shape.flatMap((size, axis) => (reduced[axis] ? (keepDims === true ? [1] : []) : [size]));
  const count = elementCount(x.shape) / elementCount(shape);
  if (count === 1) return undefined;
  const data = call.backend.dataOf(x);
  const image = storedImage(call, x);
  // The rest of planes must be in the order of the axes.
  if (image !== undefined && (reduced[3] || (reduced[1] && reduced[2]))) {
    const order = [0, 3, 1, 2];
    const joined = join(
      order.map((axis) => x.shape[axis]),
      order.map((axis) => reduced[axis]),
    );
    return { shape, ...joined, values: data.planes(image), count };
  }
  return { shape, ...join(x.shape, reduced), values: data.floats(), count };
}

function join(shape: Shape, reduced: readonly boolean[]): { sizes: number[]; reduced: boolean[] } {
  const sizes: number[] = [];
  const flags: boolean[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    if (flags.at(-1) === reduced[axis]) sizes[sizes.length - 1] *= size;
    else {
      sizes.push(size);
      flags.push(reduced[axis]);
    }
  });
  return { sizes, reduced: flags };
}

/** Reduces the last axes first, in one step for each group of neighboring axes. */
function compute({ sizes, reduced, values, count }: Reduction, mean: boolean, step: Reduce): Float32Array {
  let rest = sizes;
  let flags = reduced;
  let x = values;
  while (flags.includes(true)) {
    const axis = flags.lastIndexOf(true);
    const outer = elementCount(rest.slice(0, axis));
    const inner = elementCount(rest.slice(axis + 1));
    const isLast = flags.indexOf(true) === axis;
    const y = storagePool.take(outer * inner);
    step(outer, rest[axis], inner, mean && isLast ? count : 1, x, y);
    if (x !== values) storagePool.give(x);
    x = y;
    rest = rest.filter((_, i) => i !== axis);
    flags = flags.filter((_, i) => i !== axis);
  }
  return x;
}

const sumStep: Reduce = (outer, length, inner, divisor, x, y) => {
  if (outer * inner === 1) y[0] = native.sum(length, named('x', x)) / divisor;
  else if (outer === 1 && divisor === 1) native.sumRows(length, inner, named('x', x), named('out', y));
  else native.sumAxis(outer, length, inner, divisor, named('x', x), named('y', y));
};

function extremumStep(minimum: boolean): Reduce {
  return (outer, length, inner, _divisor, x, y) =>
    native.extremumAxis(outer, length, inner, minimum, named('x', x), named('y', y));
}

function reduceBy(step: Reduce, axesName: string, mean = false): Kernel {
  return (call) => {
    const { x } = call.inputs;
    if (!isFloats(x)) return undefined;
    const reduction = reductionOf(call, x, call.attrs[axesName], call.attrs.keepDims);
    if (reduction === undefined) return undefined;
    return call.backend.output(reduction.shape, compute(reduction, mean, step));
  };
}

/** Integers above this are not exact in float32. */
const maxExact = 2 ** 24;

function indexOfExtremum(minimum: boolean): Kernel {
  return ({ backend, inputs: { x }, attrs: { axis } }) => {
    if (!isFloats(x)) return undefined;
    const first: unknown = Array.isArray(axis) ? axis[0] : axis;
    const reduced = reducedAxes([first], x.shape.length);
    if (reduced === undefined) return undefined;
    const index = reduced.indexOf(true);
    const length = x.shape[index];
    if (length > maxExact) return undefined;
    const outer = elementCount(x.shape.slice(0, index));
    const inner = elementCount(x.shape.slice(index + 1));
    const values = backend.dataOf(x).floats();
    const found = storagePool.take(outer * inner);
    native.extremumIndexAxis(outer, length, inner, minimum, named('x', values), named('y', found));
    const indices = new Int32Array(found);
    storagePool.give(found);
    // The cpu backend finds the largest of the numbers behind a NaN, or stops at a NaN in the first place.
    const at = (i: number) => (Math.floor(i / inner) * length + indices[i]) * inner + (i % inner);
    if (indices.some((_, i) => Number.isNaN(values[at(i)]))) return undefined;
    const shape = x.shape.filter((_, each) => each !== index);
    return { dataId: backend.write(indices, shape, 'int32'), shape, dtype: 'int32' };
  };
}

export const reductionKernels: Kernels = {
  Sum: reduceBy(sumStep, 'axis'),
  Mean: reduceBy(sumStep, 'axis', true),
  Max: reduceBy(extremumStep(false), 'reductionIndices'),
  Min: reduceBy(extremumStep(true), 'axis'),
  ArgMax: indexOfExtremum(false),
  ArgMin: indexOfExtremum(true),
  Softmax: ({ backend, inputs: { logits }, attrs: { dim } }) => {
    if (!isFloats(logits)) return undefined;
    const rank = logits.shape.length;
    if (rank === 0 || (dim !== -1 && dim !== rank - 1)) return undefined;
    const x = backend.dataOf(logits).floats();
    const columns = logits.shape[rank - 1];
    const y = storagePool.take(x.length);
    native.softmax(x.length / columns, columns, named('x', x), named('y', y));
    return backend.output(logits.shape, y);
  },
};
