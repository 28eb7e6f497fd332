import type { HasUnknownRank } from '../../core/shape.js';
import type { WindowSize } from '../../core/window-size.js';
import type { Padding1D } from '../../ops/padding.js';
import type { ChannelProblem } from '../input.js';

/** The shapes of signals with I channels. */
export type SignalsOf<I extends number> = readonly [number, I, number] | readonly [I, number];

/** The shape of a convolution's result with O channels for a shape [C, L] or [N, C, L]. */
export type ConvolvedSignal<
  X,
  O extends number,
  K extends number,
  S extends number,
  P extends Padding1D,
  D extends number,
> = X extends readonly [infer N extends number, number, infer L extends number]
  ? readonly [N, O, ConvolvedLength<L, K, S, P, D>]
  : X extends readonly [number, infer L extends number]
    ? readonly [O, ConvolvedLength<L, K, S, P, D>]
    : readonly [O, number];

type ConvolvedLength<
  L extends number,
  K extends number,
  S extends number,
  P,
  D extends number,
> = P extends 'same' ? L : WindowSize<L, K, S, Before<P>, After<P>, D>;

/** The padding before a signal, if it is not `'same'`. */
export type Before<P> = P extends number
  ? P
  : P extends readonly [infer B extends number, number]
    ? B
    : number;

/** The padding after a signal, if it is not `'same'`. */
export type After<P> = P extends number
  ? P
  : P extends readonly [number, infer A extends number]
    ? A
    : number;

/** The problem with shape X for a layer that expects signals of I channels, or never. */
export type SignalsProblem<X, I extends number> = X extends readonly [number, infer C extends number, number]
  ? ChannelProblem<C, I>
  : X extends readonly [infer C extends number, number]
    ? ChannelProblem<C, I>
    : HasUnknownRank<X> extends true
      ? never
      : 'Expected a 2D tensor [C, L] or a 3D tensor [N, C, L]';

/** The problem with shape X for a convolution of signals, or never. */
export type ConvolutionProblem1D<
  X,
  I extends number,
  K extends number,
  P extends Padding1D,
  D extends number,
> = SignalsProblem<X, I> extends never ? KernelProblem<X, K, P, D> : SignalsProblem<X, I>;

type KernelProblem<X, K extends number, P extends Padding1D, D extends number> = X extends readonly [
  ...number[],
  infer L extends number,
]
  ? [ConvolvedLength<L, K, 1, P, D>] extends [never]
    ? `Expected a signal that a kernel of ${K} fits into but received ${L} values with a padding of ${Before<P>}`
    : never
  : never;
