import type { HasUnknownRank, SameSize, Shape, Unless } from '../core/shape.js';
import type { ShapeOf } from '../core/tensor.js';

// The types with which operands are intersected: `unknown`, which changes nothing, unless an operand
// certainly does not fit.

/** The right operand of a matrix product whose left operand has shape S. */
export type MatmulOperands<S extends Shape, X> = Unless<X, MatmulProblem<S, ShapeOf<X>>>;

type MatmulProblem<A extends Shape, B extends Shape> =
  HasUnknownRank<A> extends true
    ? RightMatrixProblem<B>
    : A extends readonly [number, infer K extends number]
      ? HasUnknownRank<B> extends true
        ? never
        : B extends readonly [infer L extends number, number]
          ? SameSize<K, L> extends true
            ? never
            : `Expected ${K} rows on the right of matmul but received ${L}`
          : RightMatrixProblem<B>
      : 'Expected a 2D tensor on the left of matmul';

type RightMatrixProblem<B extends Shape> =
  HasUnknownRank<B> extends true
    ? never
    : B extends readonly [number, number]
      ? never
      : 'Expected a 2D tensor on the right of matmul';

export type MatmulShape<A extends Shape, B extends Shape> = readonly [
  A extends readonly [infer M extends number, number] ? M : number,
  B extends readonly [number, infer N extends number] ? N : number,
];

/** The input of logSoftmax. */
export type LogSoftmaxInput<X> = Unless<X, LogSoftmaxProblem<ShapeOf<X>>>;

type LogSoftmaxProblem<S extends Shape> =
  HasUnknownRank<S> extends true
    ? never
    : S extends readonly [number] | readonly [number, number]
      ? never
      : 'Expected a 1D or 2D tensor for logSoftmax';
