/** The sizes of a tensor's axes, outermost first. Each is a number literal where the compiler knows it
 * and `number` where it does not. */
export type Shape = readonly number[];

declare const mistake: unique symbol;

/**
 * What a parameter's type becomes when an argument does not fit: no value has this type, and the
 * compiler's message shows the text.
 */
export interface Mistake<Text extends string> {
  /** The text; only the compiler sees it. */
  readonly [mistake]: Text;
}

/** What a parameter's type is intersected with: `unknown`, which changes nothing, where there is no
 * problem, else the problem as a Mistake. */
export type Unless<Problem extends string> = [Problem] extends [never] ? unknown : Mistake<Problem>;

/** Whether two sizes may be the same: an unknown one may be any, and is checked at run time. */
export type SameSize<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : [A] extends [B]
      ? [B] extends [A]
        ? true
        : false
      : false;

/** Whether two shapes may be the same: the same rank, and sizes that may be the same. */
export type SameShape<A extends Shape, B extends Shape> = A extends readonly [
  infer A0 extends number,
  ...infer ARest extends Shape,
]
  ? B extends readonly [infer B0 extends number, ...infer BRest extends Shape]
    ? SameSize<A0, B0> extends true
      ? SameShape<ARest, BRest>
      : false
    : UnknownRank<B>
  : A extends readonly []
    ? B extends readonly []
      ? true
      : UnknownRank<B>
    : true;

type UnknownRank<S extends Shape> = number extends S['length'] ? true : false;

/** Of every scalar: one frozen array for all. */
export const scalarShape: readonly [] = Object.freeze([]);

/** Number of values in a tensor of this shape. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** `[4, 3, 2, 2]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
