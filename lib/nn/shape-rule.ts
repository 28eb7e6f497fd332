import type { HasUnknownRank, SameShape, Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { ShapeOf, Tensor } from '../core/tensor.js';

// Describes to the compiler which shapes a layer accepts and what shape its result has. A generic method
// cannot be applied to a type, so each class of the package states this a second time as a rule, an interface
// whose members depend on `this`. The rule of a user's module without one follows from the parameter and the
// result of its method.

/** The key of a layer's rule. It exists only for the compiler. */
export declare const shapeRule: unique symbol;

/**
 * The effect of a layer on shapes. The members of a rule compute with `this['input']`. Here they are unknown,
 * because the compiler can then recognize a rule without computing them.
 */
export interface ShapeRule {
  /** Bound by `ResultShape` and `ShapeProblem`, unknown elsewhere. */
  readonly input: unknown;
  /** The shapes that the layer may accept. */
  readonly accepts: unknown;
  /** The shape of the result. */
  readonly output: unknown;
  /** The problem with the input as text for the compiler's message, or never. */
  readonly problem: unknown;
  /** The layers of a chain, which is flattened into the surrounding chain. Other layers omit it. */
  readonly chain: unknown;
}

/** The rule of layers that accept any shape and keep it. */
export interface KeepsShape extends ShapeRule {
  readonly accepts: Shape;
  readonly output: this['input'];
  readonly problem: never;
}

/** The shapes of images with any number of channels. */
export type ImageShapes = readonly [number, number, number, number] | readonly [number, number, number];

/** The shapes of signals with any number of channels. */
export type SignalShapes = readonly [number, number, number] | readonly [number, number];

/** A layer with a rule. */
interface Ruled {
  readonly [shapeRule]: ShapeRule;
}

/** A layer of this package, or a user's module from one tensor to one tensor. */
export type Layer = InferringLayer | TrainingLayer;

/** A layer that infers, and trains unless it has `forwardMut`, too. */
export interface InferringLayer {
  /** Maps one tensor to one tensor. */
  forward(x: never): unknown;
}

/** A layer that trains. */
export interface TrainingLayer {
  /** Maps one tensor with a tape to one tensor with the same tape. */
  forwardMut(x: never): unknown;
}

/** The rule of any layer. */
type RuleOf<L> = 0 extends 1 & L ? AnyRule : L extends Ruled ? L[typeof shapeRule] : MethodRule<L>;

/** The rule of a layer whose type is `any`. */
interface AnyRule extends ShapeRule {
  readonly accepts: Shape;
  readonly output: Shape;
  readonly problem: never;
}

/** The rule of a user's module. */
interface MethodRule<L> extends ShapeRule {
  readonly accepts: KnownShape<ParameterOf<L>>;
  readonly output: KnownShape<ResultOf<L>>;
  readonly problem: SameShape<this['input'], KnownShape<ParameterOf<L>>> extends true
    ? never
    : 'Expected a tensor of a shape that this module accepts';
}

// Members of a rule applied to S. They are indexed accesses rather than conditional types, so that nested
// compositions, whose rules use the rules of their layers, nest half as deep in the compiler, which gives up
// at a depth of 100.

/** The shapes that a layer may accept. */
export type InputShapes<L> = RuleOf<L>['accepts'];

/** The shape of a layer's result for shape S. */
export type ResultShape<L, S> = (RuleOf<L> & { readonly input: S })['output'];

/** The problem with shape S for a layer, or never. */
export type ShapeProblem<L, S> = (RuleOf<L> & { readonly input: S })['problem'];

/** The layers of a chain; unknown for any other layer. */
export type ChainOf<L> = RuleOf<L>['chain'];

/** The shapes in the union S that a layer accepts; all shapes that it accepts if S is unknown. */
export type Accepted<L, S> = S extends Shape
  ? HasUnknownRank<S> extends true
    ? InputShapes<L>
    : ShapeProblem<L, S> extends never
      ? S
      : never
  : never;

/** A shape that was computed from rules. */
export type AsShape<S> = S extends Shape ? S : never;

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

/** The shape of a tensor; any shape if the tensor's type is unknown, as in `Layer`. */
type KnownShape<X> = [X] extends [never] ? Shape : ShapeOf<X>;
