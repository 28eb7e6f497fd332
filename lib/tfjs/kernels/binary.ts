import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { elementCount, sameShape, type Shape } from '../../core/shape.js';
import { storagePool } from '../../core/storage-pool.js';
import { rowMajorStrides, stridedCopy } from '../../ops/strided-copy.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { Image } from '../layout.js';
import { storedImage } from '../views.js';
import type { TensorInfo } from '../tensorflow.js';
import { onChannels } from './channels.js';

type NativeArithmetic = typeof native.add;

/** An element-wise function of two tensors. */
export interface BinaryFunction {
  /** out = a op b, where b has the length of a, of one of its rows, or 1; out may be a or b. */
  readonly compute: (
    rows: number,
    columns: number,
    rightLength: number,
    a: Float32Array,
    b: Float32Array,
    out: Float32Array,
  ) => void;
  /** Computes b op a by `compute`, for a larger b. */
  readonly swapped: 'same' | 'subtract' | 'expand';
  /** The same function of planes and one value per channel, if there is one; `reversed` computes b op a. */
  readonly channels?: 'add' | 'sub' | 'mul';
}

function of(operation: NativeArithmetic): BinaryFunction['compute'] {
  return (rows, columns, length, a, b, out) =>
    operation(rows, columns, length, named('a', a), named('b', b), named('out', out));
}

const subtract = of(native.sub);

const functions: Readonly<Record<string, BinaryFunction>> = {
  Add: { compute: of(native.add), swapped: 'same', channels: 'add' },
  Sub: { compute: subtract, swapped: 'subtract', channels: 'sub' },
  Multiply: { compute: of(native.mul), swapped: 'same', channels: 'mul' },
  RealDiv: { compute: of(native.div), swapped: 'expand' },
  Maximum: { compute: of(native.maximum), swapped: 'same' },
  Minimum: { compute: of(native.minimum), swapped: 'same' },
  SquaredDifference: {
    compute: (rows, columns, length, a, b, out) => {
      subtract(rows, columns, length, a, b, out);
      native.square(rows * columns, named('x', out), named('y', out));
    },
    swapped: 'same',
  },
  Prelu: {
    compute: (rows, columns, length, x, alpha, out) => {
      const n = rows * columns;
      const scaled = storagePool.take(n);
      native.mul(rows, columns, length, named('a', x), named('b', alpha), named('out', scaled));
      const condition = storagePool.take(n);
      zero[0] = 0;
      native.less(1, n, 1, named('a', x), named('b', zero), named('out', condition));
      native.where(n, named('condition', condition), named('a', scaled), named('b', x), named('out', out));
      storagePool.give(scaled);
      storagePool.give(condition);
    },
    swapped: 'expand',
  },
};

const zero = new Float32Array(1);

/** The shape of a op b; undefined if the shapes cannot be broadcast. */
export function broadcastShape(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}

/** Whether broadcasting `small` to `large` repeats it for every row of `large`. */
function isRow(small: Shape, large: Shape): boolean {
  const first = small.findIndex((size) => size !== 1);
  if (first < 0) return true;
  return small.slice(first).every((size, i, row) => size === large[large.length - row.length + i]);
}

/** The row-major values of a tensor, repeated to a larger shape, in memory of the pool. */
export function repeated({ backend }: Call, tensor: TensorInfo, shape: Shape): Float32Array {
  const own = [...new Array<number>(shape.length - tensor.shape.length).fill(1), ...tensor.shape];
  const strides = rowMajorStrides(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride));
  const values = storagePool.take(elementCount(shape));
  stridedCopy(
    shape,
    { values: backend.dataOf(tensor).floats(), strides },
    { values, strides: rowMajorStrides(shape) },
  );
  return values;
}

/** a op b for tensors of the same shape, as planes if either is stored so. */
function ofSameShape({ backend }: Call, { compute }: BinaryFunction, a: TensorInfo, b: TensorInfo) {
  const left = backend.dataOf(a);
  const right = backend.dataOf(b);
  const image = left.image ?? right.image;
  const leftValues = image === undefined ? left.floats() : left.planes(image);
  const rightValues = image === undefined ? right.floats() : right.planes(image);
  const n = leftValues.length;
  const out = storagePool.take(n);
  compute(1, n, n, leftValues, rightValues, out);
  return backend.output(a.shape, out, image);
}

/** large op small, or small op large if `reversed`, where small is one row or one value. */
function ofRow(
  call: Call,
  { compute, swapped, channels }: BinaryFunction,
  large: TensorInfo,
  small: TensorInfo,
  shape: Shape,
  reversed: boolean,
): TensorInfo | undefined {
  if (reversed && swapped === 'expand') return undefined;
  const { backend } = call;
  const data = backend.dataOf(large);
  const row = backend.dataOf(small).floats();
  let image: Image | undefined = data.image;
  if (image !== undefined && row.length > 1) {
    image = storedImage(call, large);
    if (image?.channels === row.length && channels !== undefined) {
      const out = onChannels(channels, image, data.planes(image), row, reversed);
      return backend.output(shape, out, image);
    }
    image = undefined;
  }
  const values = image === undefined ? data.floats() : data.planes(image);
  const n = values.length;
  const out = storagePool.take(n);
  if (reversed && swapped === 'subtract') {
    // b - a as -a + b, which rounds the same way and gives +0 where both are equal.
    native.mul(1, n, 1, named('a', values), named('b', minusOne), named('out', out));
    native.add(n / row.length, row.length, row.length, named('a', out), named('b', row), named('out', out));
  } else {
    compute(n / row.length, row.length, row.length, values, row, out);
  }
  return backend.output(shape, out, image);
}

const minusOne = new Float32Array([-1]);

function kernelOf(operation: BinaryFunction, left = 'a', right = 'b'): Kernel {
  return (call) => {
    const a = call.inputs[left];
    const b = call.inputs[right];
    if (!isFloats(a) || !isFloats(b)) return undefined;
    if (sameShape(a.shape, b.shape)) return ofSameShape(call, operation, a, b);
    const shape = broadcastShape(a.shape, b.shape);
    if (shape === undefined) return undefined;
    const n = elementCount(shape);
    let result: TensorInfo | undefined;
    if (n === elementCount(a.shape) && isRow(b.shape, a.shape)) {
      result = ofRow(call, operation, a, b, shape, false);
    } else if (n === elementCount(b.shape) && isRow(a.shape, b.shape)) {
      result = ofRow(call, operation, b, a, shape, true);
    }
    return result ?? ofRepeated(call, operation, a, b, shape);
  };
}

/** a op b for any two shapes, by repeating the smaller tensors first. */
function ofRepeated(call: Call, { compute }: BinaryFunction, a: TensorInfo, b: TensorInfo, shape: Shape) {
  const leftValues = repeated(call, a, shape);
  const rightValues = repeated(call, b, shape);
  const n = leftValues.length;
  compute(1, n, n, leftValues, rightValues, leftValues);
  storagePool.give(rightValues);
  return call.backend.output(shape, leftValues);
}

/** dx = dy * (y < 0 ? y + 1 : 1) */
const eluGradient: BinaryFunction = {
  compute: (rows, columns, _length, dy, y, out) => {
    const n = rows * columns;
    zero[0] = 0;
    const slope = storagePool.take(n);
    native.minimum(1, n, 1, named('a', y), named('b', zero), named('out', slope));
    native.add(1, n, 1, named('a', slope), named('b', one), named('out', slope));
    native.mul(1, n, n, named('a', dy), named('b', slope), named('out', out));
    storagePool.give(slope);
  },
  swapped: 'expand',
};
const one = new Float32Array([1]);

export const binaryKernels: Kernels = {
  ...Object.fromEntries(
    Object.entries(functions).map(([name, operation]) => [
      name,
      name === 'Prelu' ? kernelOf(operation, 'x', 'alpha') : kernelOf(operation),
    ]),
  ),
  EluGrad: (call) => {
    const { dy, y } = call.inputs;
    if (!isFloats(dy) || !isFloats(y) || !sameShape(dy.shape, y.shape)) return undefined;
    return ofSameShape(call, eluGradient, dy, y);
  },
};
