import { type Shape, Tensor } from 'batchnorm';
import type { Call, StoredTensor } from './value.js';

// Shared by the tables of operators.

export type Any = Tensor<Shape>;

/** Computes a node's outputs; a type is that of the first input unless it is given. */
export type Operator = (call: Call) => Any | readonly Any[] | Typed;

/** By the names of ONNX. */
export type Operators = Readonly<Record<string, Operator>>;

export interface Typed {
  readonly type: string;
  readonly tensors: readonly Any[];
}

export const typed = (type: string, ...tensors: Any[]): Typed => ({ type, tensors });

/** A tensor of a file. */
export function stored({ values, shape }: StoredTensor): Any {
  return Tensor.from(values.map(Number), shape);
}

export const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
export const full = (shape: Shape, value: number): Any => Tensor.zeros(shape).add(value);
export const scalar = (value: number): Any => Tensor.from([value], []);
export const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);

export const unary =
  (f: (x: Any, call: Call) => Any): Operator =>
  (call) =>
    f(call.floats(0), call);
export const binary =
  (f: (a: Any, b: Any) => Any): Operator =>
  (call) =>
    f(call.floats(0), call.floats(1));
