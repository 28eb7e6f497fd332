import type { Columns, Pair, Rows } from '../../core/pair.js';
import type { HasUnknownRank, Shape } from '../../core/shape.js';
import type { CeilWindowSize, WindowSize } from '../../core/window-size.js';
import type { Bottom, Left, Right, Top } from '../../ops/padding.js';
import type { ImageProblem } from '../input.js';
import type { PoolPadding } from './pool-windows.js';

// The shapes of pooled images and signals. K, S, P and D are kernelSize, stride, padding and dilation, M is ceilMode.

/** The number of windows along an axis of H values, or never. */
type PooledSize<
  H extends number,
  K extends number,
  S extends number,
  P extends number,
  E extends number,
  D extends number,
  M extends boolean,
> = boolean extends M
  ? number
  : M extends true
    ? CeilWindowSize<H, K, S, P, E, D>
    : WindowSize<H, K, S, P, E, D>;

type PooledRows<H extends number, K, S, P, D, M extends boolean> = PooledSize<
  H,
  Rows<K>,
  Rows<S>,
  Top<P>,
  Bottom<P>,
  Rows<D>,
  M
>;

type PooledColumns<W extends number, K, S, P, D, M extends boolean> = PooledSize<
  W,
  Columns<K>,
  Columns<S>,
  Left<P>,
  Right<P>,
  Columns<D>,
  M
>;

/** The shape of the pooled images for shape X. */
export type PooledImages<
  X,
  K extends Pair,
  S extends Pair,
  P extends PoolPadding,
  D extends Pair,
  M extends boolean,
> = X extends readonly [
  infer N extends number,
  infer C extends number,
  infer H extends number,
  infer W extends number,
]
  ? readonly [N, C, PooledRows<H, K, S, P, D, M>, PooledColumns<W, K, S, P, D, M>]
  : X extends readonly [infer C extends number, infer H extends number, infer W extends number]
    ? readonly [C, PooledRows<H, K, S, P, D, M>, PooledColumns<W, K, S, P, D, M>]
    : readonly [number, number, number] | readonly [number, number, number, number];

/** The problem with shape X for pooling of images, or never. */
export type PoolImageProblem<X, K extends Pair, P extends PoolPadding, D extends Pair> = X extends unknown
  ? ImageProblem<X, number> extends never
    ? HoldsWindow<X, K, P, D> extends true
      ? never
      : `Expected images that hold a window of ${Rows<K>} x ${Columns<K>} pixels`
    : ImageProblem<X, number>
  : never;

type HoldsWindow<X, K extends Pair, P extends PoolPadding, D extends Pair> = X extends readonly [
  ...Shape,
  infer H extends number,
  infer W extends number,
]
  ? [PooledRows<H, K, 1, P, D, false>] extends [never]
    ? false
    : [PooledColumns<W, K, 1, P, D, false>] extends [never]
      ? false
      : true
  : true;

/** The shape of the pooled signals for shape X. */
export type PooledSignals<
  X,
  K extends number,
  S extends number,
  P extends number,
  D extends number,
  M extends boolean,
> = X extends readonly [infer N extends number, infer C extends number, infer L extends number]
  ? readonly [N, C, PooledSize<L, K, S, P, P, D, M>]
  : X extends readonly [infer C extends number, infer L extends number]
    ? readonly [C, PooledSize<L, K, S, P, P, D, M>]
    : readonly [number, number] | readonly [number, number, number];

/** The problem with shape X for pooling of signals, or never. */
export type PoolSignalProblem<X, K extends number, P extends number, D extends number> = X extends unknown
  ? SignalsProblem<X> extends never
    ? X extends readonly [...Shape, infer L extends number]
      ? [WindowSize<L, K, 1, P, P, D>] extends [never]
        ? `Expected signals that hold a window of ${K} values`
        : never
      : never
    : SignalsProblem<X>
  : never;

/** The problem with shape S for a layer that expects signals [C, L] or [N, C, L]. */
export type SignalsProblem<S> = S extends readonly [number, number, number] | readonly [number, number]
  ? never
  : HasUnknownRank<S> extends true
    ? never
    : 'Expected a 2D tensor [C, L] or a 3D tensor [N, C, L]';
