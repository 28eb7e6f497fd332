import type {
  Decision,
  HasUnknownRank,
  Mistake,
  SameShape,
  SameSize,
  Shape,
  Verdict,
} from '../core/shape.js';
import type { NoneTape, Tape } from '../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../core/tensor.js';

// What is wrong with an input, as text for the compiler's message; never where nothing is. Of a union
// of inputs, one that is wrong is enough.

/**
 * The type that the input of a layer with modes is intersected with: `unknown` unless the tape is not that of the mode,
 * `Wanted`, or there is a problem with the shape.
 *
 * It is decided as `Unless` is, with one difference: a tensor whose tape is a type parameter may be of the wrong mode,
 * and does not compile.
 */
export type ModeInput<X, Wanted extends Tape, ShapeProblem> = [
  X,
  Decision<ModeVerdict<X, Wanted, ShapeProblem>>,
] extends [unknown, Decision<'wrong'>]
  ? Mistake<[TapeProblem<X, Wanted>] extends [never] ? ShapeProblem & string : TapeProblem<X, Wanted>>
  : unknown;

type ModeVerdict<X, Wanted extends Tape, ShapeProblem> = [X] extends [never]
  ? 'right'
  : Exclude<TapeOf<X>, Wanted> extends never
    ? Verdict<ShapeProblem>
    : 'wrong';

/** `Wanted` is the tape of the mode: none in inference, an owned one in training. */
type TapeProblem<X, Wanted extends Tape> =
  Exclude<TapeOf<X>, Wanted> extends never
    ? never
    : Wanted extends NoneTape
      ? 'forward takes tensors without a tape: use forwardMut to train, detach() to infer'
      : 'forwardMut takes tensors with a tape: use x.trace() to train, forward to infer';

/** Images [C, H, W] or [N, C, H, W] are wanted. */
export type ImageProblem<S, C extends number> = S extends readonly [
  number,
  infer K extends number,
  number,
  number,
]
  ? ChannelProblem<K, C>
  : S extends readonly [infer K extends number, number, number]
    ? ChannelProblem<K, C>
    : HasUnknownRank<S> extends true
      ? never
      : 'Expected a 3D tensor [C, H, W] or a 4D tensor [N, C, H, W]';

type ChannelProblem<K extends number, C extends number> =
  SameSize<K, C> extends true ? never : `Expected ${C} channels but received ${K}`;

/** Rows [N, I] are wanted. */
export type RowsProblem<S, I extends number> = S extends readonly [number, infer K extends number]
  ? SameSize<K, I> extends true
    ? never
    : `Expected ${I} columns but received ${K}`
  : HasUnknownRank<S> extends true
    ? never
    : 'Expected a 2D tensor [N, features]';

/** The type that an addend of the shape of X, with a tape that is `Wanted`, is intersected with. */
export type AddendInput<X, A, Wanted extends Tape> = ModeInput<
  A,
  Wanted,
  SameShape<ShapeOf<X>, ShapeOf<A>> extends true ? never : 'Expected an addend of the same shape'
>;

/** A tensor of the same shape; of each shape, where X is a union. */
export type SameShapeAs<X, T extends Tape> = X extends Tensor<Shape, Tape> ? Tensor<ShapeOf<X>, T> : never;
