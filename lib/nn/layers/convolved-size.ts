import type { WindowSize } from '../../core/window-size.js';

/** What a convolution with O output channels makes of a CHW or NCHW shape. */
export type ConvolvedShape<
  X,
  O extends number,
  K extends number,
  S extends number,
  P extends number,
> = X extends readonly [infer N extends number, number, infer H extends number, infer W extends number]
  ? readonly [N, O, WindowSize<H, K, S, P>, WindowSize<W, K, S, P>]
  : X extends readonly [number, infer H extends number, infer W extends number]
    ? readonly [O, WindowSize<H, K, S, P>, WindowSize<W, K, S, P>]
    : readonly [O, number, number];

/** What is wrong with the sizes of an image for such a kernel; never where nothing is. */
export type KernelProblem<X, K extends number, P extends number> = X extends readonly [
  ...number[],
  infer H extends number,
  infer W extends number,
]
  ? WindowSize<H, K, 1, P> extends never
    ? KernelMistake<H, K, P>
    : WindowSize<W, K, 1, P> extends never
      ? KernelMistake<W, K, P>
      : never
  : never;

type KernelMistake<
  N extends number,
  K extends number,
  P extends number,
> = `Expected an image that a kernel of ${K} fits into but received ${N} pixels with a padding of ${P}`;
