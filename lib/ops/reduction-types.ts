import type { HasUnknownRank, Shape } from '../core/shape.js';
import type { SameRank } from './axis-types.js';

/** One axis, or several. */
export type Axes = number | readonly number[];

/** Options of `sum`, `mean`, `max` and `min`. */
export interface ReductionOptions<
  X extends Axes | undefined = Axes | undefined,
  K extends boolean = boolean,
> {
  /**
   * The axes to reduce; all by default. Negative axes count from the end. An empty array reduces nothing.
   */
  readonly axes?: X;
  /** Whether the result keeps each reduced axis with a size of 1; false by default. */
  readonly keepDims?: K;
}

/** Options of `argmax` and `argmin`. */
export interface ArgmaxOptions<
  X extends number | undefined = number | undefined,
  K extends boolean = boolean,
> {
  /** The axis to search. By default, all values in row-major order. Negative axes count from the end. */
  readonly axis?: X;
  /** Whether the result keeps each searched axis with a size of 1; false by default. */
  readonly keepDims?: K;
}

/** The shape of a reduction of S over the axes X, all if undefined, that keeps them if K is true. */
export type ReducedShape<S extends Shape, X extends Axes | undefined, K extends boolean> = boolean extends K
  ? Shape
  : X extends readonly number[]
    ? number extends X['length'] | X[number]
      ? K extends true
        ? SameRank<S>
        : Shape
      : WithoutAxes<S, `${X[number]}`, K>
    : X extends number
      ? number extends X
        ? K extends true
          ? SameRank<S>
          : SameRank<WithoutFirst<S>>
        : WithoutAxes<S, `${X}`, K>
      : K extends true
        ? { readonly [Axis in keyof S]: 1 }
        : readonly [];

type WithoutFirst<S extends Shape> = S extends readonly [number, ...infer Rest extends Shape] ? Rest : Shape;

type WithoutAxes<S extends Shape, Axis extends string, K extends boolean> =
  HasUnknownRank<S> extends true ? Shape : RemainingSizes<S, Axis, K, []>;

/** S holds the sizes that remain to be read, Read as many elements as were read; -S['length'] names the first axis of S. */
type RemainingSizes<
  S extends Shape,
  Axis extends string,
  K extends boolean,
  Read extends readonly unknown[],
> = S extends readonly [infer First extends number, ...infer Rest extends Shape]
  ? `${Read['length']}` extends Axis
    ? ReducedSizes<Rest, Axis, K, Read>
    : `-${S['length']}` extends Axis
      ? ReducedSizes<Rest, Axis, K, Read>
      : readonly [First, ...RemainingSizes<Rest, Axis, K, [...Read, unknown]>]
  : readonly [];

type ReducedSizes<
  Rest extends Shape,
  Axis extends string,
  K extends boolean,
  Read extends readonly unknown[],
> = K extends true
  ? readonly [1, ...RemainingSizes<Rest, Axis, K, [...Read, unknown]>]
  : RemainingSizes<Rest, Axis, K, [...Read, unknown]>;
