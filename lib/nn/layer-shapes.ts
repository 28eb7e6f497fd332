import type { Decision, HasUnknownRank, Mistake, SameShape, Shape, Verdict } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { ShapeOf, Tensor } from '../core/tensor.js';
import type { AvgPoolGlobal, GloballyPooled } from './layers/avg-pool-global.js';
import type { ChannelNorm } from './norm/channel-norm.js';
import type { Conv2D, ConvolutionProblem } from './layers/conv-2d.js';
import type { ConvolvedShape } from './layers/convolved-size.js';
import type { Flatten2D, Flattened } from './layers/flatten-2d.js';
import type { GeneralizedResidual } from './compose/generalized-residual.js';
import type { ImageProblem, RowsProblem } from './input.js';
import type { Linear } from './layers/linear.js';
import type { NoParameters } from './layers/no-parameters.js';
import type { Pool2D, Pooled, PoolProblem } from './layers/pool-2d.js';
import type { Residual } from './compose/residual.js';
import type { Sequential } from './compose/sequential.js';

// The compiler's view of layers in a composition: which shapes each takes and what it makes of them. A
// generic method cannot be applied to a type, so the package's own layers are listed here; a user's
// module is read off its method's parameter and result.
//
// Everything that walks along layers is tail-recursive, which the compiler evaluates without nesting: 1,000 layers
// instead of 45. Sequentials inside are walked along with what surrounds them for the same reason. Patterns end in
// `infer` where `number` would do, because the compiler decides those for type parameters as well.

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
export type InputShapes<L> = 0 extends 1 & L
  ? Shape // L is any
  : L extends ChannelNorm<infer C>
    ? readonly [number, C, number, number] | readonly [C, number, number]
    : L extends Linear<infer I, infer _>
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
                ? ChainInputs<Layers>
                : L extends Conv2D<infer I, infer _, infer _, infer _, infer _>
                  ? readonly [number, I, number, number] | readonly [I, number, number]
                  : KnownShape<ParameterOf<L>>;

/** The shapes that the first of these layers takes and whose results the others take. */
type ChainInputs<Layers extends readonly unknown[]> = Layers extends readonly [infer First, ...infer Rest]
  ? First extends Sequential<infer Inner>
    ? ChainInputs<readonly [...Inner, ...Rest]>
    : Passing<Rest, InputShapes<First>, First>
  : Shape;

/** Those of the shapes S that the first layer takes and whose results the others take. */
type Passing<Rest extends readonly unknown[], S extends Shape, First> = S extends unknown
  ? [ChainProblem<Rest, ResultShape<First, S>>] extends [never]
    ? S
    : never
  : never;

/** What a layer makes of shape S. */
export type ResultShape<L, S extends Shape> = 0 extends 1 & L
  ? Shape // L is any
  : L extends ChannelNorm<infer _>
    ? S
    : L extends KeepsAnyShape
      ? S
      : L extends GeneralizedResidual<infer F, infer R>
        ? SumShape<F, R, S>
        : L extends Residual<infer _>
          ? S
          : L extends Linear<infer _, infer O>
            ? readonly [S[0], O]
            : L extends Flatten2D
              ? Flattened<S>
              : L extends Pool2D<string, infer K, infer Stride, infer P>
                ? Pooled<S, K, Stride, P>
                : L extends AvgPoolGlobal
                  ? GloballyPooled<S>
                  : L extends Sequential<infer Layers>
                    ? ChainResult<Layers, S>
                    : L extends Conv2D<infer _, infer O, infer K, infer Stride, infer P>
                      ? ConvolvedShape<S, O, K, Stride, P>
                      : KnownShape<ResultOf<L>>;

/** The shape of the sum of what two layers make of shape S: known where one of theirs is. */
export type SumShape<F, R, S extends Shape> =
  HasUnknownRank<ResultShape<F, S>> extends true ? ResultShape<R, S> : ResultShape<F, S>;

/** The problem that shape S is for a layer, or never. */
export type ShapeProblem<L, S extends Shape> = 0 extends 1 & L
  ? never // L is any
  : L extends ChannelNorm<infer C>
    ? ImageProblem<S, C>
    : L extends KeepsAnyShape
      ? never
      : L extends Linear<infer I, infer _>
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
                  : L extends Conv2D<infer I, infer _, infer K, infer _, infer P>
                    ? ConvolutionProblem<S, I, K, P>
                    : SameShape<S, KnownShape<ParameterOf<L>>> extends true
                      ? never
                      : 'Expected a tensor of the shape that this module takes';

/** The problem that shape S is for Residual<F>, or never. */
export type ResidualProblem<F, S extends Shape> = [ShapeProblem<F, S>] extends [never]
  ? SameShape<S, ResultShape<F, S>> extends true
    ? never
    : 'Expected a layer that keeps the shape inside Residual'
  : ShapeProblem<F, S>;

/** The problem that shape S is for GeneralizedResidual<F, R>, or never. */
export type GeneralizedResidualProblem<F, R, S extends Shape> = [ShapeProblem<F, S>] extends [never]
  ? [ShapeProblem<R, S>] extends [never]
    ? SameShape<ResultShape<F, S>, ResultShape<R, S>> extends true
      ? never
      : 'Expected layers that make the same shape inside GeneralizedResidual'
    : ShapeProblem<R, S>
  : ShapeProblem<F, S>;

/**
 * What layers one after the other make of shape S. An array of layers (`...Layer[]`) makes an unknown shape of any;
 * the layers behind it, which are kept in `Behind` while it is looked for, go on from there.
 */
export type ChainResult<
  Layers extends readonly unknown[],
  S extends Shape,
  Behind extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? First extends Sequential<infer Inner>
    ? ChainResult<readonly [...Inner, ...Rest], S>
    : ChainResult<Rest, ResultShape<First, S>>
  : Layers extends readonly []
    ? S
    : Layers extends readonly [...infer Before, infer Last]
      ? ChainResult<Before, Shape, readonly [Last, ...Behind]>
      : ChainResult<Behind, Shape>;

/** The first problem of shape S on its way through layers, or never. */
export type ChainProblem<Layers extends readonly unknown[], S extends Shape> = Layers extends readonly [
  infer First,
  ...infer Rest,
]
  ? First extends Sequential<infer Inner>
    ? ChainProblem<readonly [...Inner, ...Rest], S>
    : [ShapeProblem<First, S>] extends [never]
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

/** The shape of a tensor; any where the type of the tensor is unknown, as that of a `Layer`. */
type KnownShape<X> = [X] extends [never] ? Shape : ShapeOf<X>;

/**
 * The type that the arguments of a composition need to have: their own, unless a layer certainly does not take what
 * the ones before it make. That layer is then intersected with its problem, and does not compile.
 */
export type Fitting<Layers extends readonly Layer[]> = [
  Layers,
  Decision<Verdict<Misfit<Layers, Shape>>>,
] extends [unknown, Decision<'wrong'>]
  ? { readonly [I in keyof Layers]: Layers[I] & At<Problems<Layers, Shape>, I> }
  : Layers;

/** `'wrong'` where a layer takes nothing of what the ones before it make, else never. */
type Misfit<Layers extends readonly unknown[], S extends Shape> = Layers extends readonly [
  infer First,
  ...infer Rest,
]
  ? First extends Sequential<infer Inner>
    ? Misfit<readonly [...Inner, ...Rest], S>
    : Accepted<First, S> extends never
      ? 'wrong'
      : Misfit<Rest, ResultsOf<First, Accepted<First, S>>>
  : never;

/** The element of a tuple at an index that is known to be one of its. */
type At<Tuple extends readonly unknown[], I> = I extends keyof Tuple ? Tuple[I] : unknown;

/** For each layer `unknown` where it takes something of what the layers before it make, else its problem. */
type Problems<
  Layers extends readonly unknown[],
  S extends Shape,
  Before extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? [Accepted<First, S>] extends [never]
    ? // After one that does not fit, as if it did: the first problem is told, not those that follow from it.
      Problems<
        Rest,
        ResultsOf<First, InputShapes<First>>,
        readonly [...Before, Mistake<ShapeProblem<First, S>>]
      >
    : Problems<Rest, ResultsOf<First, Accepted<First, S>>, readonly [...Before, unknown]>
  : Before;

/** Those of the shapes S that a layer takes; what it takes, where nothing is known of S. */
type Accepted<L, S extends Shape> = S extends unknown
  ? HasUnknownRank<S> extends true
    ? InputShapes<L>
    : [ShapeProblem<L, S>] extends [never]
      ? S
      : never
  : never;

type ResultsOf<L, S extends Shape> = S extends unknown ? ResultShape<L, S> : never;
