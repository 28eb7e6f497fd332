import type { Shape } from '../tensor/shape.js';

// The compiler's arithmetic for sizes of images: a number is a tuple of that length, put together digit
// by digit, so that a size costs a few steps and not as many as it counts.

interface DigitTuples {
  '0': [];
  '1': [0];
  '2': [0, 0];
  '3': [0, 0, 0];
  '4': [0, 0, 0, 0];
  '5': [0, 0, 0, 0, 0];
  '6': [0, 0, 0, 0, 0, 0];
  '7': [0, 0, 0, 0, 0, 0, 0];
  '8': [0, 0, 0, 0, 0, 0, 0, 0];
  '9': [0, 0, 0, 0, 0, 0, 0, 0, 0];
}
type Digit = keyof DigitTuples;
type Count = readonly 0[];

type TimesTen<T extends Count> = [...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T, ...T];

type CountOf<
  Digits extends string,
  T extends Count = [],
> = Digits extends `${infer First extends Digit}${infer Rest}`
  ? CountOf<Rest, [...TimesTen<T>, ...DigitTuples[First]]>
  : T;

/** Whether the compiler counts that far: whole numbers below 1000. */
type IsSmall<N extends number> = `${N}` extends
  Digit | `${Digit}${Digit}` | `${Digit}${Digit}${Digit}`
  ? true
  : false;

/** One more than how often S goes into T. */
type Places<T extends Count, S extends Count, Found extends Count = [0]> = T extends readonly [
  ...S,
  ...infer Rest extends Count,
]
  ? Places<Rest, S, [...Found, 0]>
  : Found['length'];

/**
 * floor((N + 2 P - K) / S) + 1, the places of a kernel of K along N pixels with stride S and padding P; `number` where
 * one of them is not known or has more than three digits, never where the kernel does not fit.
 */
export type ConvolvedSize<
  N extends number,
  K extends number,
  S extends number,
  P extends number,
> = N extends number
  ? IsSmall<N | K | S | P> extends true
    ? [...CountOf<`${N}`>, ...CountOf<`${P}`>, ...CountOf<`${P}`>] extends readonly [
        ...CountOf<`${K}`>,
        ...infer Rest extends Count,
      ]
      ? S extends 1
        ? [...Rest, 0]['length']
        : Places<Rest, CountOf<`${S}`>>
      : never
    : number
  : never;

/** What a convolution with O output channels makes of a CHW or NCHW shape. */
export type ConvolvedShape<
  X extends Shape,
  O extends number,
  K extends number,
  S extends number,
  P extends number,
> = X extends readonly [
  infer N extends number,
  number,
  infer H extends number,
  infer W extends number,
]
  ? readonly [N, O, ConvolvedSize<H, K, S, P>, ConvolvedSize<W, K, S, P>]
  : X extends readonly [number, infer H extends number, infer W extends number]
    ? readonly [O, ConvolvedSize<H, K, S, P>, ConvolvedSize<W, K, S, P>]
    : readonly [O, number, number];

/** What is wrong with the sizes of an image for such a kernel; never where nothing is. */
export type KernelProblem<
  X extends Shape,
  K extends number,
  P extends number,
> = X extends readonly [...number[], infer H extends number, infer W extends number]
  ? [ConvolvedSize<H, K, 1, P>] extends [never]
    ? KernelMistake<H, K, P>
    : [ConvolvedSize<W, K, 1, P>] extends [never]
      ? KernelMistake<W, K, P>
      : never
  : never;

type KernelMistake<
  N extends number,
  K extends number,
  P extends number,
> = `Expected an image that a kernel of ${K} fits into but received ${N} pixels with a padding of ${P}`;
