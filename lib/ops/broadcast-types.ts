import type { Decision, HasUnknownRank, SameSize, Shape, Unless } from '../core/shape.js';
import type { MergedTape } from '../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../core/tensor.js';

// Shapes under numpy's rules of broadcasting: axes are compared from the last on, and sizes fit if they are equal or
// one of them is 1.

/** The shape of an operand; that of a scalar for a number. */
export type OperandShape<X> = X extends number ? readonly [] : ShapeOf<X>;

/** The result of an element-wise operation on A and X, with a tape if either has one. */
export type ArithmeticResult<A, X> = Tensor<
  // Decided first, so that a number does not change the shape in a generic function.
  [X] extends [number] ? ShapeOf<A> : BroadcastShape<ShapeOf<A>, OperandShape<X>>,
  MergedTape<TapeOf<A>, TapeOf<X>>
>;

/** The result of a comparison of A and X, which has no tape. */
export type ComparisonResult<A, X> = Tensor<ShapeOf<ArithmeticResult<A, X>>>;

/** The right operand of an element-wise operation on a tensor of shape S. */
export type RightOperand<S extends Shape, X> = Unless<X, BroadcastProblem<S, OperandShape<X>>>;

type BroadcastProblem<S extends Shape, R extends Shape> =
  Fits<S, R> extends false ? 'Expected shapes that broadcast: sizes from the last axis on equal or 1' : never;

/** Whether two shapes may broadcast. */
type Fits<S extends Shape, R extends Shape> = S extends readonly [
  ...infer SOuter extends Shape,
  infer SLast extends number,
]
  ? R extends readonly [...infer ROuter extends Shape, infer RLast extends number]
    ? FitsSize<SLast, RLast> extends true
      ? Fits<SOuter, ROuter>
      : false
    : true
  : true;

type FitsSize<A extends number, B extends number> = [A] extends [1]
  ? true
  : [B] extends [1]
    ? true
    : SameSize<A, B>;

/** The shape of the result of an element-wise operation on S and R; S while the compiler cannot decide. */
export type BroadcastShape<S extends Shape, R extends Shape> = [S, R, Decision<Covers<S, R>>] extends [
  unknown,
  unknown,
  Decision<false>,
]
  ? Broadcast<S, R>
  : S;

/** Whether the result certainly has the shape S. */
type Covers<S extends Shape, R extends Shape> = R extends readonly [
  ...infer ROuter extends Shape,
  infer RLast extends number,
]
  ? S extends readonly [...infer SOuter extends Shape, infer SLast extends number]
    ? CoversSize<SLast, RLast> extends true
      ? Covers<SOuter, ROuter>
      : false
    : HasUnknownRank<S>
  : R extends readonly []
    ? true
    : HasUnknownRank<S>;

type CoversSize<A extends number, B extends number> = [B] extends [1] ? true : [A] extends [1] ? false : true;

type Broadcast<S extends Shape, R extends Shape> =
  HasUnknownRank<S> extends true
    ? Shape
    : HasUnknownRank<R> extends true
      ? Shape
      : S extends readonly [...infer SOuter extends Shape, infer SLast extends number]
        ? R extends readonly [...infer ROuter extends Shape, infer RLast extends number]
          ? readonly [...Broadcast<SOuter, ROuter>, [SLast] extends [1] ? RLast : SLast]
          : S
        : R;
