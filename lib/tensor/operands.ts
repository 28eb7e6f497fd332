import type { Mistake, SameShape, SameSize, Shape } from './shape.js';
import type { ShapeOf } from './tensor.js';

// What an operand's type is intersected with: `unknown`, which changes nothing, where it fits, and a
// Mistake, which no value has, where it cannot fit.

/** Last axis of S, as a shape of rank 1; never for a scalar. */
type Row<S extends Shape> = S extends readonly [...Shape, infer Last extends number]
  ? readonly [Last]
  : number extends S['length']
    ? readonly [number]
    : never;

type FitsOnTheRight<S extends Shape, R extends Shape> = R extends readonly []
  ? true
  : SameShape<S, R> extends true
    ? true
    : [Row<S>] extends [never]
      ? false
      : SameShape<Row<S>, R>;

/** The right side of an element-wise operation on a tensor of shape S. */
export type RightOperand<S extends Shape, X> =
  false extends FitsOnTheRight<S, ShapeOf<X>>
    ? Mistake<'Expected a scalar, a tensor of the same shape or one row on the right'>
    : unknown;

/** The right side of a matrix product whose left side has shape S. */
export type MatmulOperands<S extends Shape, X> = S extends readonly [number, infer K extends number]
  ? ShapeOf<X> extends readonly [infer L extends number, number]
    ? SameSize<K, L> extends true
      ? unknown
      : Mistake<`Expected ${K} rows on the right of matmul but received ${L}`>
    : Mistake<'Expected a 2D tensor on the right of matmul'>
  : Mistake<'Expected a 2D tensor on the left of matmul'>;

export type MatmulShape<A extends Shape, B extends Shape> = readonly [
  A extends readonly [infer M extends number, number] ? M : number,
  B extends readonly [number, infer N extends number] ? N : number,
];

export type LogSoftmaxInput<S extends Shape> = S extends
  readonly [number] | readonly [number, number]
  ? unknown
  : Mistake<'Expected a 1D or 2D tensor for logSoftmax'>;
