import type { SameShape, SameSize, Shape } from '../tensor/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../tensor/tape.js';
import type { ShapeOf, Tensor } from '../tensor/tensor.js';

// What is wrong with an input, as text for the compiler's message; never where nothing is. Of a union
// of inputs, one that is wrong is enough.

/** `Wanted` is the tape of the mode: none in inference, an owned one in training. */
export type TapeProblem<X, Wanted extends Tape> =
  X extends Tensor<Shape, infer T>
    ? Exclude<T, Wanted> extends never
      ? never
      : Wanted extends NoneTape
        ? 'forward takes tensors without a tape: use forwardMut to train, detach() to infer'
        : Wanted extends OwnedTape
          ? 'forwardMut takes tensors with a tape: use x.trace() to train, forward to infer'
          : never
    : never;

/** Number of channels of a CHW or NCHW shape; never for another rank. */
type ChannelsOf<S extends Shape> = S extends readonly [
  number,
  infer C extends number,
  number,
  number,
]
  ? C
  : S extends readonly [infer C extends number, number, number]
    ? C
    : never;

/** Images [C, H, W] or [N, C, H, W] are wanted. */
export type ImageProblem<S extends Shape, C extends number> = S extends Shape
  ? [ChannelsOf<S>] extends [never]
    ? 'Expected a 3D tensor [C, H, W] or a 4D tensor [N, C, H, W]'
    : SameSize<ChannelsOf<S>, C> extends true
      ? never
      : `Expected ${C} channels but received ${ChannelsOf<S>}`
  : never;

/** Rows [N, I] are wanted. */
export type RowsProblem<S extends Shape, I extends number> = S extends readonly [
  number,
  infer K extends number,
]
  ? SameSize<K, I> extends true
    ? never
    : `Expected ${I} columns but received ${K}`
  : 'Expected a 2D tensor [N, features]';

/** What is added to a result of the shape of X, with a tape that is `Wanted`. */
export type AddendProblem<X, A, Wanted extends Tape> = [TapeProblem<A, Wanted>] extends [never]
  ? SameShape<ShapeOf<X>, ShapeOf<A>> extends true
    ? never
    : 'Expected an addend of the same shape'
  : TapeProblem<A, Wanted>;

/** A tensor of the same shape; of each shape, where X is a union. */
export type SameShapeAs<X, T extends Tape> =
  X extends Tensor<Shape, Tape> ? Tensor<ShapeOf<X>, T> : never;
