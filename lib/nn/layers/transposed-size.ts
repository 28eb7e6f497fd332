import type { Columns, Pair, Rows } from '../../core/pair.js';
import type { TransposedSize } from '../../core/window-size.js';
import type { Bottom, Left, Right, Sides1D, Sides2D, Top } from '../../ops/padding.js';
import type { ImageProblem } from '../input.js';
import type { After, Before, SignalsProblem } from './convolved-signal.js';

// The shapes of transposed convolutions. K, S, P, Q and D are kernelSize, stride, padding, outputPadding and dilation.

/** The shape of a transposed convolution's result with O channels for a CHW or NCHW shape. */
export type TransposedImages<
  X,
  O extends number,
  K extends Pair,
  S extends Pair,
  P extends Sides2D,
  Q extends Pair,
  D extends Pair,
> = X extends readonly [infer N extends number, number, infer H extends number, infer W extends number]
  ? readonly [N, O, TransposedRows<H, K, S, P, Q, D>, TransposedColumns<W, K, S, P, Q, D>]
  : X extends readonly [number, infer H extends number, infer W extends number]
    ? readonly [O, TransposedRows<H, K, S, P, Q, D>, TransposedColumns<W, K, S, P, Q, D>]
    : readonly [O, number, number];

type TransposedRows<H extends number, K, S, P, Q, D> = TransposedSize<
  H,
  Rows<K>,
  Rows<S>,
  Top<P>,
  Bottom<P>,
  Rows<D>,
  Rows<Q>
>;

type TransposedColumns<W extends number, K, S, P, Q, D> = TransposedSize<
  W,
  Columns<K>,
  Columns<S>,
  Left<P>,
  Right<P>,
  Columns<D>,
  Columns<Q>
>;

/** The problem with shape X for a transposed convolution of images, or never. */
export type TransposedImagesProblem<
  X,
  I extends number,
  K extends Pair,
  S extends Pair,
  P extends Sides2D,
  Q extends Pair,
  D extends Pair,
> =
  ImageProblem<X, I> extends never
    ? X extends readonly [...number[], infer H extends number, infer W extends number]
      ? [TransposedRows<H, K, S, P, Q, D>] extends [never]
        ? NothingLeft<H>
        : [TransposedColumns<W, K, S, P, Q, D>] extends [never]
          ? NothingLeft<W>
          : never
      : never
    : ImageProblem<X, I>;

type NothingLeft<H extends number> = `Expected more than ${H} pixels, of which the padding leaves nothing`;

/** The shape of a transposed convolution's result with O channels for a shape [C, L] or [N, C, L]. */
export type TransposedSignals<
  X,
  O extends number,
  K extends number,
  S extends number,
  P extends Sides1D,
  Q extends number,
  D extends number,
> = X extends readonly [infer N extends number, number, infer L extends number]
  ? readonly [N, O, TransposedSize<L, K, S, Before<P>, After<P>, D, Q>]
  : X extends readonly [number, infer L extends number]
    ? readonly [O, TransposedSize<L, K, S, Before<P>, After<P>, D, Q>]
    : readonly [O, number];

/** The problem with shape X for a transposed convolution of signals, or never. */
export type TransposedSignalsProblem<
  X,
  I extends number,
  K extends number,
  S extends number,
  P extends Sides1D,
  Q extends number,
  D extends number,
> =
  SignalsProblem<X, I> extends never
    ? X extends readonly [...number[], infer L extends number]
      ? [TransposedSize<L, K, S, Before<P>, After<P>, D, Q>] extends [never]
        ? `Expected more than ${L} values, of which the padding leaves nothing`
        : never
      : never
    : SignalsProblem<X, I>;
