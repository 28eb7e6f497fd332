// Arithmetic on sizes in the type system, with tuple lengths built digit by digit, so that a number costs only a few types.

/**
 * floor((H + P + E - D * (K - 1) - 1) / S) + 1, the number of windows of K values that are D apart, the windows S
 * apart, along an axis of H values with P more before and E more after them: `number` if one of them is unknown or
 * has more than three digits, never if not even one window fits.
 */
export type WindowSize<
  H extends number,
  K extends number,
  S extends number,
  P extends number,
  E extends number = P,
  D extends number = 1,
> = [Known<H | K | S | P | E | D>, D extends 1 ? true : IsSmallProduct<K, D>] extends [true, true]
  ? H extends number // for each H in a union
    ? readonly [...Count<H>, ...Count<P>, ...Count<E>] extends readonly [...Extent<K, D>, ...infer Rest]
      ? Steps<Rest, Count<S>, S>
      : never
    : never
  : number;

/**
 * I / G: `number` if one of them is unknown or has more than three digits. Without `infer`, the compiler would hold that a
 * class with a member of this type is assignable only to one with the same I and G.
 */
export type Quotient<I extends number, G extends number> = G extends infer Divisor extends number
  ? I extends infer N extends number
    ? Divisor extends 1
      ? N
      : Known<N | Divisor> extends true
        ? Repetitions<Count<N>, Count<Divisor>, readonly []>
        : number
    : never
  : never;

/**
 * (H - 1) * S + D * (K - 1) + 1 + Q - P - E, the size from which windows of K values that are D apart, the windows S apart, can be
 * taken H times, with Q more values, where P before and E after it are padding: `number` if one of them is unknown or large,
 * never if it is less than 1.
 */
export type TransposedSize<
  H extends number,
  K extends number,
  S extends number,
  P extends number,
  E extends number,
  D extends number,
  Q extends number,
> = [IsSmallProduct<H, S>, IsSmallProduct<K, D>, Known<P | E | Q>] extends [true, true, true]
  ? H extends number // for each H in a union
    ? readonly [...Spread<Count<H>, Count<S>>, ...Spread<Count<K>, Count<D>>, ...Count<Q>] extends readonly [
        unknown,
        ...Count<P>,
        ...Count<E>,
        ...infer Rest extends readonly [unknown, ...unknown[]],
      ]
      ? Rest['length'] & number
      : never
    : never
  : number;

/** Whether both are known and have at most four digits together: a tuple of their product is small enough for the compiler. */
type IsSmallProduct<A extends number, B extends number> =
  Known<A | B> extends true
    ? `${A}${B}` extends `${Digit}${Digit}` | `${Digit}${Digit}${Digit}` | `${Digit}${Digit}${Digit}${Digit}`
      ? true
      : false
    : false;

/** A tuple of D * (K - 1) + 1 elements. */
type Extent<K extends number, D extends number> = D extends 1 ? Count<K> : Spread<Count<K>, Count<D>>;

type Spread<
  K extends readonly unknown[],
  D extends readonly unknown[],
  Taken extends readonly unknown[] = readonly [],
> = K extends readonly [unknown, unknown, ...infer Rest]
  ? Spread<readonly [unknown, ...Rest], D, readonly [...Taken, ...D]>
  : readonly [...Taken, 0];

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
    : Repetitions<T, Step, readonly [0]>;

type Repetitions<
  T extends readonly unknown[],
  Step extends readonly unknown[],
  Taken extends readonly unknown[],
> = T extends readonly [...Step, ...infer Rest]
  ? Repetitions<Rest, Step, readonly [...Taken, 0]>
  : Taken['length'];

/**
 * The number of windows with `ceilMode`: a last window may reach beyond the padding, unless it begins after the axis.
 * It is the smaller one of ceil((H + P + E - D * (K - 1) - 1) / S) + 1 and ceil((H + P) / S).
 */
export type CeilWindowSize<
  H extends number,
  K extends number,
  S extends number,
  P extends number,
  E extends number = P,
  D extends number = 1,
> = H extends number // for each H in a union
  ? [WindowSize<H, K, S, P, E, D>] extends [never]
    ? never
    : Smaller<WindowSize<H, K, S, P, LessOne<E, S>, D>, WindowSize<H, 1, S, P, 0>>
  : never;

/** A + B - 1. */
type LessOne<A extends number, B extends number> =
  Known<A | B> extends true
    ? readonly [...Count<A>, ...Count<B>] extends readonly [unknown, ...infer Rest]
      ? Rest['length'] & number
      : never
    : number;

type Smaller<A extends number, B extends number> =
  Known<A | B> extends true ? (Count<A> extends readonly [...Count<B>, ...unknown[]] ? B : A) : number;
