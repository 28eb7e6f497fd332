import type { HasUnknownRank, Shape } from '../core/shape.js';
import type { MergedTape, NoneTape, Tape } from '../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../core/tensor.js';

// Shapes of results of operations that move axes.

type Reversed<S extends Shape> = S extends readonly [infer First extends number, ...infer Rest extends Shape]
  ? readonly [...Reversed<Rest>, First]
  : readonly [];

/** Element K of a tuple, `number` if the compiler does not know it. */
type ElementAt<S extends Shape, K extends string> = K extends keyof S
  ? S[K] extends number
    ? S[K]
    : number
  : number;

/** The size of an axis, which counts from the end if negative. */
export type SizeAt<S extends Shape, Axis> = `${Axis & number}` extends `-${infer FromEnd}`
  ? ElementAt<readonly [0, ...Reversed<S>], FromEnd>
  : ElementAt<S, `${Axis & number}`>;

/** A shape of the rank of S. */
export type SameRank<S extends Shape> = { readonly [K in keyof S]: number };

/** A shape S with its axes in the order A. */
export type PermutedShape<S extends Shape, A extends readonly number[]> =
  HasUnknownRank<S> extends true
    ? HasUnknownRank<A> extends true
      ? Shape
      : { readonly [K in keyof A]: number }
    : HasUnknownRank<A> extends true
      ? SameRank<S>
      : { readonly [K in keyof A]: SizeAt<S, A[K]> };

/** A shape S with its last two axes exchanged. */
export type TransposedShape<S extends Shape> = S extends readonly [
  ...infer Outer extends Shape,
  infer Rows extends number,
  infer Columns extends number,
]
  ? readonly [...Outer, Columns, Rows]
  : SameRank<S>;

/** A shape R in which the compiler does not know the size that is -1. */
export type ReshapedShape<R extends Shape> = { readonly [K in keyof R]: R[K] extends -1 ? number : R[K] };

/** A shape S whose size at an axis is N. The compiler counts axes from the start only. */
export type WithSize<S extends Shape, Axis, N extends number> = `${Axis & number}` extends `-${string}`
  ? SameRank<S>
  : { readonly [K in keyof S]: K extends `${Axis & number}` ? N : S[K] };

type Tensors = readonly Tensor<Shape, Tape>[];

/** The shape of tensors X joined along an axis that they have. */
export type ConcatShape<X extends Tensors, Axis> = X extends readonly [infer First, ...unknown[]]
  ? WithSize<ShapeOf<First>, Axis, number>
  : WithSize<ShapeOf<X[number]>, Axis, number>;

/** The shape of tensors X joined along a new axis. */
export type StackShape<X extends Tensors, Axis> = Axis extends 0
  ? readonly [X['length'], ...ShapeOf<X[number]>]
  : SameRank<readonly [number, ...ShapeOf<X[number]>]>;

/** The tape of a result of all these tensors: owned if one's is. */
export type TapeOfAll<X extends Tensors> = X extends readonly [infer First, ...infer Rest extends Tensors]
  ? MergedTape<TapeOf<First>, TapeOfAll<Rest>>
  : X extends readonly []
    ? NoneTape
    : TapeOf<X[number]>;
