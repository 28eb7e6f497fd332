// Arithmetic on sizes in the type system, with tuple lengths built digit by digit, so that a number costs only a few types.

/**
 * floor((H + 2 * P - K) / S) + 1, the number of windows of K values, S apart, along an axis of H values with
 * P more on each side: `number` if one of them is unknown or has more than three digits, never if not even
 * one window fits.
 */
export type WindowSize<H extends number, K extends number, S extends number, P extends number> =
  Known<H | K | S | P> extends true
    ? H extends number // for each H in a union
      ? readonly [...Count<H>, ...Count<P>, ...Count<P>] extends readonly [...Count<K>, ...infer Rest]
        ? Steps<Rest, Count<S>, S>
        : never
      : never
    : number;

type Known<N extends number> = number extends N ? false : false extends IsSmall<N> ? false : true;

type IsSmall<N extends number> = N extends number
  ? `${N}` extends `${Digit}` | `${Digit}${Digit}` | `${Digit}${Digit}${Digit}`
    ? true
    : false
  : never;

type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** A tuple of N elements. */
type Count<N extends number> = CountOf<`${N}`>;

type CountOf<
  Text extends string,
  Before extends readonly unknown[] = readonly [],
> = Text extends `${infer First extends Digit}${infer Rest}`
  ? CountOf<Rest, readonly [...TenTimes<Before>, ...Counts[First]]>
  : Before;

type TenTimes<T extends readonly unknown[]> = readonly [
  ...(readonly [...T, ...T, ...T, ...T, ...T]),
  ...(readonly [...T, ...T, ...T, ...T, ...T]),
];

type Counts = readonly [
  readonly [],
  readonly [0],
  readonly [0, 0],
  readonly [0, 0, 0],
  readonly [0, 0, 0, 0],
  readonly [0, 0, 0, 0, 0],
  readonly [0, 0, 0, 0, 0, 0],
  readonly [0, 0, 0, 0, 0, 0, 0],
  readonly [0, 0, 0, 0, 0, 0, 0, 0],
  readonly [0, 0, 0, 0, 0, 0, 0, 0, 0],
];

/** One plus the number of times that Step fits into T; without counting if S is 1. */
type Steps<T extends readonly unknown[], Step extends readonly unknown[], S extends number> = S extends 0
  ? never
  : S extends 1
    ? [...T, 0]['length']
    : Quotient<T, Step, readonly [0]>;

type Quotient<
  T extends readonly unknown[],
  Step extends readonly unknown[],
  Taken extends readonly unknown[],
> = T extends readonly [...Step, ...infer Rest]
  ? Quotient<Rest, Step, readonly [...Taken, 0]>
  : Taken['length'];
