import { named } from '../../backend/argument.js';
import { backend as native } from '../../backend/index.js';
import { storagePool } from '../../core/storage-pool.js';
import { type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';
import type { Attributes } from '../tensorflow.js';

/** y = f(x); y may be x. */
export type UnaryFunction = (n: number, x: Float32Array, y: Float32Array, attrs: Attributes) => void;

type NativeUnary = typeof native.exp;

function of(operation: NativeUnary): UnaryFunction {
  return (n, x, y) => operation(n, named('x', x), named('y', y));
}

/** The right operand of an operation with a number. */
const operand = new Float32Array(1);

type NativeArithmetic = typeof native.add;

/** y = x op value; y may be x. */
export function withNumber(
  operation: NativeArithmetic,
  n: number,
  x: Float32Array,
  value: number,
  y: Float32Array,
): void {
  operand[0] = value;
  operation(1, n, 1, named('a', x), named('b', operand), named('out', y));
}

function step(n: number, x: Float32Array, y: Float32Array): void {
  // A NaN stays NaN; it makes the sum NaN. Infinities may do so, too, and then cost a slower loop.
  if (Number.isNaN(native.sum(n, named('x', x)))) {
    for (let i = 0; i < n; i++) y[i] = Number.isNaN(x[i]) ? NaN : x[i] > 0 ? 1 : 0;
  } else {
    withNumber(native.greater, n, x, 0, y);
  }
}

function relu6(n: number, x: Float32Array, y: Float32Array): void {
  native.relu(n, named('x', x), named('y', y));
  withNumber(native.minimum, n, y, 6, y);
}

function leakyRelu(n: number, x: Float32Array, y: Float32Array, { alpha = 0.2 }: Attributes): void {
  native.leakyRelu(n, Number(alpha), named('x', x), named('y', y));
}

function elu(n: number, x: Float32Array, y: Float32Array): void {
  const negative = storagePool.take(n);
  withNumber(native.less, n, x, 0, negative);
  const exponential = storagePool.take(n);
  native.exp(n, named('x', x), named('y', exponential));
  withNumber(native.sub, n, exponential, 1, exponential);
  native.where(n, named('condition', negative), named('a', exponential), named('b', x), named('out', y));
  storagePool.give(negative);
  storagePool.give(exponential);
}

function clip(n: number, x: Float32Array, y: Float32Array, attrs: Attributes): void {
  withNumber(native.minimum, n, x, Number(attrs.clipValueMax), y);
  withNumber(native.maximum, n, y, Number(attrs.clipValueMin), y);
}

function rsqrt(n: number, x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < n; i++) y[i] = 1 / Math.sqrt(x[i]);
}

function reciprocal(n: number, x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < n; i++) y[i] = 1 / x[i];
}

/** The functions by the names of their kernels. */
const functions: Readonly<Record<string, UnaryFunction>> = {
  Abs: of(native.abs),
  Exp: of(native.exp),
  Log: of(native.log),
  Relu: of(native.relu),
  Sigmoid: of(native.sigmoid),
  Sqrt: of(native.sqrt),
  Square: of(native.square),
  Tanh: of(native.tanh),
  Neg: (n, x, y) => withNumber(native.mul, n, x, -1, y),
  ClipByValue: clip,
  Elu: elu,
  LeakyRelu: leakyRelu,
  Reciprocal: reciprocal,
  Relu6: relu6,
  Rsqrt: rsqrt,
  Step: step,
};

/** Whether a function computes with these attributes; those that are not listed always do. */
const accepts: Readonly<Record<string, (attrs: Attributes) => boolean>> = {
  ClipByValue: ({ clipValueMin: smallest, clipValueMax: largest }) => Number(smallest) <= Number(largest),
  Step: ({ alpha = 0 }) => alpha === 0,
};

function kernelOf(name: string, compute: UnaryFunction): Kernel {
  const isAccepted = accepts[name] ?? (() => true);
  return ({ backend, inputs: { x }, attrs }) => {
    if (!isFloats(x) || !isAccepted(attrs)) return undefined;
    const data = backend.dataOf(x);
    const { image } = data;
    const values = image === undefined ? data.floats() : data.planes(image);
    const y = storagePool.take(values.length);
    compute(values.length, values, y, attrs);
    return backend.output(x.shape, y, image);
  };
}

export const unaryKernels: Kernels = Object.fromEntries(
  Object.entries(functions).map(([name, compute]) => [name, kernelOf(name, compute)]),
);

/** The activations of fused kernels, which compute in place; `linear` and undefined are none. */
const activations: Readonly<Record<string, UnaryFunction>> = {
  linear: () => undefined,
  relu: functions.Relu,
  relu6,
  elu,
  sigmoid: functions.Sigmoid,
  leakyrelu: leakyRelu,
};

/** The activation of a fused kernel, which may compute in place; undefined for one that we do not have. */
export function activationOf({ attrs }: Call): UnaryFunction | undefined {
  const { activation, leakyreluAlpha: alpha = 0.2 } = attrs;
  const name = activation ?? 'linear';
  if (typeof name !== 'string' || !Object.hasOwn(activations, name)) return undefined;
  return (n, x, y) => activations[name](n, x, y, { alpha });
}
