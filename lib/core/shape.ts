/** The sizes of a tensor's axes, outermost first: number literals if the compiler knows them, otherwise `number`. */
export type Shape = readonly number[];

declare const mismatch: unique symbol;

/**
 * The type of a parameter whose argument does not fit. No value has this type, and the compiler's message shows the text.
 */
export interface TypeMismatch<Text extends string> {
  /** The text; only the compiler sees it. */
  readonly [mismatch]: Text;
}

/**
 * The type that a parameter is intersected with: `unknown`, which changes nothing, unless the argument certainly
 * has a problem; then a TypeMismatch with the problem.
 *
 * Inside a generic function a problem may depend on sizes that are type parameters. The compiler then substitutes a
 * type that fits everything before it decides that `'wrong'` is impossible, so such an argument compiles and is
 * checked where the sizes become known. (`[Problem] extends [never]` alone would stay undecided there, and an
 * undecided type accepts nothing.) `Argument` keeps the decision open in the declaration of the method itself.
 */
export type Unless<Argument, Problem extends string> = [Argument, Decision<Verdict<Problem>>] extends [
  unknown,
  Decision<'wrong'>,
]
  ? TypeMismatch<Problem>
  : unknown;

/** Holds a verdict. The compiler substitutes type parameters only inside an object. */
export interface Decision<Is> {
  /** The verdict; only the compiler sees it. */
  readonly is: Is;
}

/** `'wrong'` if there is a problem. */
export type Verdict<Problem> = [Problem] extends [never] ? 'right' : 'wrong';

/** Whether the compiler does not know the rank of a shape, which is then checked at run time. */
export type HasUnknownRank<S> = [S] extends [Shape] ? (number extends S['length'] ? true : false) : true;

/** Whether two sizes may be equal. Unknown sizes may be, and are checked at run time. */
export type SameSize<A extends number, B extends number> = number extends A
  ? true
  : number extends B
    ? true
    : [A] extends [B]
      ? [B] extends [A]
        ? true
        : false
      : false;

/** Whether two shapes may be equal: the same rank, and sizes that may be equal. */
export type SameShape<A, B> = A extends readonly [infer A0 extends number, ...infer ARest extends Shape]
  ? B extends readonly [infer B0 extends number, ...infer BRest extends Shape]
    ? SameSize<A0, B0> extends true
      ? SameShape<ARest, BRest>
      : false
    : HasUnknownRank<B>
  : A extends readonly []
    ? B extends readonly []
      ? true
      : HasUnknownRank<B>
    : true;

/** The frozen shape that all scalars share. */
export const scalarShape: readonly [] = Object.freeze([]);

/** Number of values in a tensor of this shape. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) {
    // Not 0 times the rest, which may be infinite.
    if (size === 0) return 0;
    count *= size;
  }
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
