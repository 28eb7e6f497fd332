import type { WindowSize } from '../../core/window-size.js';

/** The shape of a convolution's result with O channels for a CHW or NCHW shape. */
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

/** The problem with the height or width of an image for such a kernel, or never. */
export type KernelProblem<X, K extends number, P extends number> = X extends readonly [
  ...number[],
  infer H extends number,
  infer W extends number,
]
  ? WindowSize<H, K, 1, P> extends never
    ? KernelMismatch<H, K, P>
    : WindowSize<W, K, 1, P> extends never
      ? KernelMismatch<W, K, P>
      : never
  : never;

type KernelMismatch<
  N extends number,
  K extends number,
  P extends number,
> = `Expected an image that a kernel of ${K} fits into but received ${N} pixels with a padding of ${P}`;
