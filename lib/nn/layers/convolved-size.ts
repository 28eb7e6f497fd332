import type { Columns, Pair, Rows } from '../../core/pair.js';
import type { WindowSize } from '../../core/window-size.js';
import type { Bottom, Left, Padding2D, Right, Top } from '../../ops/padding.js';

/** The shape of a convolution's result with O channels for a CHW or NCHW shape. */
export type ConvolvedShape<
  X,
  O extends number,
  K extends Pair,
  S extends Pair,
  P extends Padding2D,
  D extends Pair,
> = X extends readonly [infer N extends number, number, infer H extends number, infer W extends number]
  ? readonly [N, O, RowsSize<H, K, S, P, D>, ColumnsSize<W, K, S, P, D>]
  : X extends readonly [number, infer H extends number, infer W extends number]
    ? readonly [O, RowsSize<H, K, S, P, D>, ColumnsSize<W, K, S, P, D>]
    : readonly [O, number, number];

type RowsSize<H extends number, K, S, P, D> = P extends 'same'
  ? H
  : WindowSize<H, Rows<K>, Rows<S>, Top<P>, Bottom<P>, Rows<D>>;

type ColumnsSize<W extends number, K, S, P, D> = P extends 'same'
  ? W
  : WindowSize<W, Columns<K>, Columns<S>, Left<P>, Right<P>, Columns<D>>;

/** The problem with the height or width of an image for such a kernel, or never. */
export type KernelProblem<X, K extends Pair, P extends Padding2D, D extends Pair> = X extends readonly [
  ...number[],
  infer H extends number,
  infer W extends number,
]
  ? [RowsSize<H, K, 1, P, D>] extends [never]
    ? KernelMismatch<H, Rows<K>, Top<P>>
    : [ColumnsSize<W, K, 1, P, D>] extends [never]
      ? KernelMismatch<W, Columns<K>, Left<P>>
      : never
  : never;

type KernelMismatch<
  N extends number,
  K extends number,
  P extends number,
> = `Expected an image that a kernel of ${K} fits into but received ${N} pixels with a padding of ${P}`;
