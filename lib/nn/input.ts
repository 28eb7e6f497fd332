import type {
  Decision,
  HasUnknownRank,
  TypeMismatch,
  SameShape,
  SameSize,
  Shape,
  Verdict,
} from '../core/shape.js';
import type { NoneTape, Tape } from '../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../core/tensor.js';

// Problems with inputs, as text for the compiler's message; never if there is none. One wrong member of a
// union of inputs is enough.

/**
 * The type with which the input of a layer with modes is intersected: `unknown` unless the tape is not the
 * mode's, `Wanted`, or there is a problem with the shape.
 *
 * It is decided as in `Unless`, with one difference: a tensor whose tape is a type parameter may be of the
 * wrong mode, and does not compile.
 */
export type ModeInput<X, Wanted extends Tape, ShapeProblem> = [
  X,
  Decision<ModeVerdict<X, Wanted, ShapeProblem>>,
] extends [unknown, Decision<'wrong'>]
  ? TypeMismatch<[TapeProblem<X, Wanted>] extends [never] ? ShapeProblem & string : TapeProblem<X, Wanted>>
  : unknown;

type ModeVerdict<X, Wanted extends Tape, ShapeProblem> = [X] extends [never]
  ? 'right'
  : Exclude<TapeOf<X>, Wanted> extends never
    ? Verdict<ShapeProblem>
    : 'wrong';

/** `Wanted` is the tape of the mode: none for inference, an owned one for training. */
type TapeProblem<X, Wanted extends Tape> =
  Exclude<TapeOf<X>, Wanted> extends never
    ? never
    : Wanted extends NoneTape
      ? 'forward takes tensors without a tape: use forwardMut to train, detach() to infer'
      : 'forwardMut takes tensors with a tape: use x.trace() to train, forward to infer';

/** The problem with shape S for a layer that expects images [C, H, W] or [N, C, H, W]. */
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

/** The problem with K channels for a layer that expects C. */
export type ChannelProblem<K extends number, C extends number> =
  SameSize<K, C> extends true ? never : `Expected ${C} channels but received ${K}`;

/** The problem with shape S for a layer that expects rows [N, I]. */
export type RowsProblem<S, I extends number> = S extends readonly [number, infer K extends number]
  ? SameSize<K, I> extends true
    ? never
    : `Expected ${I} columns but received ${K}`
  : HasUnknownRank<S> extends true
    ? never
    : 'Expected a 2D tensor [N, features]';

/** The type with which a residual is intersected; it must have the shape of X and the tape `Wanted`. */
export type ResidualInput<X, A, Wanted extends Tape> = ModeInput<
  A,
  Wanted,
  SameShape<ShapeOf<X>, ShapeOf<A>> extends true ? never : 'Expected a residual of the same shape'
>;

/** A tensor of the same shape, or of each of the shapes if X is a union. */
export type SameShapeAs<X, T extends Tape> = X extends Tensor<Shape, Tape> ? Tensor<ShapeOf<X>, T> : never;
