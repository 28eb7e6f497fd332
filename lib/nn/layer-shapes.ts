import type { Mistake, SameShape, Shape } from '../tensor/shape.js';
import type { Tape } from '../tensor/tape.js';
import type { ShapeOf, Tensor } from '../tensor/tensor.js';
import type { AvgPoolGlobal, GloballyPooled } from './avg-pool-global.js';
import type { ChannelNorm } from './channel-norm.js';
import type { Conv2D, ConvolutionProblem } from './conv-2d.js';
import type { ConvolvedShape } from './convolved-size.js';
import type { Flatten2D, Flattened } from './flatten-2d.js';
import type { GeneralizedResidual } from './generalized-residual.js';
import type { ImageProblem, RowsProblem } from './input.js';
import type { Linear } from './linear.js';
import type { NoParameters } from './no-parameters.js';
import type { Pool2D, Pooled, PoolProblem } from './pool-2d.js';
import type { Residual } from './residual.js';
import type { Sequential } from './sequential.js';

// The compiler's view of layers in a composition: which shapes each takes and what it makes of them. A
// generic method cannot be applied to a type, so the package's own layers are listed here; a user's
// module is read off its method's parameter and result.

/** A layer of this package, or a user's module from one tensor to one tensor. */
export type Layer = InferringLayer | TrainingLayer;

/** A layer that infers, and trains unless it has `forwardMut`, too. */
export interface InferringLayer {
  /** From one tensor to one tensor. */
  forward(x: never): unknown;
}

/** A layer that trains. */
export interface TrainingLayer {
  /** From one tensor with a tape to one tensor with the same tape. */
  forwardMut(x: never): unknown;
}

/** The layers that take any shape and keep it. */
type KeepsAnyShape = NoParameters<
  | ('ReLU' | 'GeLU' | 'LeakyReLU' | 'Sigmoid' | 'Tanh' | 'Softmax')
  | ('Sin' | 'Cos' | 'Ln' | 'Exp' | 'Square' | 'Sqrt' | 'Abs')
  | ('Dropout' | 'DropoutOneIn')
>;

/** The layers that take images, whatever their channels. */
type TakesImages = Flatten2D | AvgPoolGlobal | Pool2D<string, number, number, number>;

/** The shapes that a layer may take. */
export type InputShapes<L> =
  L extends ChannelNorm<infer C>
    ? readonly [number, C, number, number] | readonly [C, number, number]
    : L extends Linear<infer I, number>
      ? readonly [number, I]
      : L extends TakesImages
        ? readonly [number, number, number, number] | readonly [number, number, number]
        : L extends KeepsAnyShape
          ? Shape
          : L extends GeneralizedResidual<infer F, infer R>
            ? Accepted<R, InputShapes<F>>
            : L extends Residual<infer F>
              ? InputShapes<F>
              : L extends Sequential<infer Layers>
                ? Layers extends readonly [infer First, ...infer Rest]
                  ? Passing<Rest, InputShapes<First>, First>
                  : Shape
                : L extends Conv2D<infer I, number, number, number, number>
                  ? readonly [number, I, number, number] | readonly [I, number, number]
                  : ShapeOf<ParameterOf<L>>;

/** Those of the shapes S that the first layer takes and whose results the others take. */
type Passing<Rest extends readonly unknown[], S extends Shape, First> = S extends Shape
  ? [ChainProblem<Rest, ResultShape<First, S>>] extends [never]
    ? S
    : never
  : never;

/** What a layer makes of shape S. */
export type ResultShape<L, S extends Shape> =
  L extends ChannelNorm<number>
    ? S
    : L extends KeepsAnyShape
      ? S
      : L extends GeneralizedResidual<infer F, Layer>
        ? ResultShape<F, S>
        : L extends Residual<Layer>
          ? S
          : L extends Linear<number, infer O>
            ? S extends readonly [infer N extends number, number]
              ? readonly [N, O]
              : readonly [number, O]
            : L extends Flatten2D
              ? Flattened<S>
              : L extends Pool2D<string, infer K, infer Stride, infer P>
                ? Pooled<S, K, Stride, P>
                : L extends AvgPoolGlobal
                  ? GloballyPooled<S>
                  : L extends Sequential<infer Layers>
                    ? ChainResult<Layers, S>
                    : L extends Conv2D<number, infer O, infer K, infer Stride, infer P>
                      ? ConvolvedShape<S, O, K, Stride, P>
                      : ShapeOf<ResultOf<L>>;

/** What is wrong with shape S for a layer; never where nothing is. */
export type ShapeProblem<L, S extends Shape> =
  L extends ChannelNorm<infer C>
    ? ImageProblem<S, C>
    : L extends KeepsAnyShape
      ? never
      : L extends Linear<infer I, number>
        ? RowsProblem<S, I>
        : L extends Pool2D<string, infer K, infer Stride, infer P>
          ? PoolProblem<S, K, Stride, P>
          : L extends TakesImages
            ? ImageProblem<S, number>
            : L extends GeneralizedResidual<infer F, infer R>
              ? GeneralizedResidualProblem<F, R, S>
              : L extends Residual<infer F>
                ? ResidualProblem<F, S>
                : L extends Sequential<infer Layers>
                  ? ChainProblem<Layers, S>
                  : L extends Conv2D<infer I, number, infer K, number, infer P>
                    ? ConvolutionProblem<S, I, K, P>
                    : SameShape<S, ShapeOf<ParameterOf<L>>> extends true
                      ? never
                      : 'Expected a tensor of the shape that this module takes';

type ResidualProblem<F, S extends Shape> = [ShapeProblem<F, S>] extends [never]
  ? SameShape<S, ResultShape<F, S>> extends true
    ? never
    : 'Expected a layer that keeps the shape inside Residual'
  : ShapeProblem<F, S>;

type GeneralizedResidualProblem<F, R, S extends Shape> = [ShapeProblem<F, S>] extends [never]
  ? [ShapeProblem<R, S>] extends [never]
    ? SameShape<ResultShape<F, S>, ResultShape<R, S>> extends true
      ? never
      : 'Expected layers that make the same shape inside GeneralizedResidual'
    : ShapeProblem<R, S>
  : ShapeProblem<F, S>;

/** What layers one after the other make of shape S. */
export type ChainResult<
  Layers extends readonly unknown[],
  S extends Shape,
> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainResult<Rest, ResultShape<First, S>>
  : S;

/** The first problem on the way of shape S through layers. */
export type ChainProblem<
  Layers extends readonly unknown[],
  S extends Shape,
> = Layers extends readonly [infer First, ...infer Rest]
  ? [ShapeProblem<First, S>] extends [never]
    ? ChainProblem<Rest, ResultShape<First, S>>
    : ShapeProblem<First, S>
  : never;

type ParameterOf<L> = L extends { forward(x: infer X extends Tensor<Shape, Tape>): unknown }
  ? X
  : L extends { forwardMut(x: infer X extends Tensor<Shape, Tape>): unknown }
    ? X
    : never;

type ResultOf<L> = L extends { forward(x: never): infer Y extends Tensor<Shape, Tape> }
  ? Y
  : L extends { forwardMut(x: never): infer Y extends Tensor<Shape, Tape> }
    ? Y
    : never;

/**
 * For each layer `unknown` where it takes something that the layers before it make, else its problem:
 * a composition whose layers cannot follow one another does not compile at the layer that does not fit.
 */
export type Fitting<Layers extends readonly unknown[]> = Layers extends readonly [
  infer First,
  ...infer Rest,
]
  ? readonly [unknown, ...FittingAfter<Rest, ResultsOf<First, InputShapes<First>>>]
  : readonly [];

type FittingAfter<Layers extends readonly unknown[], S extends Shape> = Layers extends readonly [
  infer First,
  ...infer Rest,
]
  ? readonly [
      [Accepted<First, S>] extends [never] ? Mistake<ShapeProblem<First, S>> : unknown,
      // After one that does not fit, as if it did: one mistake is told, not all that follow.
      ...FittingAfter<
        Rest,
        ResultsOf<
          First,
          [Accepted<First, S>] extends [never] ? InputShapes<First> : Accepted<First, S>
        >
      >,
    ]
  : readonly [];

/** Those of the shapes S that a layer takes; what it takes, where nothing is known of S. */
type Accepted<L, S extends Shape> = S extends Shape
  ? number extends S['length']
    ? InputShapes<L>
    : [ShapeProblem<L, S>] extends [never]
      ? S
      : never
  : never;

type ResultsOf<L, S extends Shape> = S extends Shape ? ResultShape<L, S> : never;
