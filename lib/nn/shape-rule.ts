import type { HasUnknownRank, SameShape, Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import type { ShapeOf, Tensor } from '../core/tensor.js';

// What the compiler knows of a layer in a composition: which shapes it takes, and what it makes of them. A generic
// method cannot be applied to a type, so each class of the package states it a second time as a rule, an interface
// whose members depend on `this`. A user's module without a rule is read off the parameter and the result of its
// method.

/** The key under which a layer carries its rule. Only the compiler sees it. */
export declare const shapeRule: unique symbol;

/**
 * What a layer does with shapes. The members of a rule compute with `this['input']`. Here they are unknown, because the
 * compiler can then tell that something is a rule without computing them.
 */
export interface ShapeRule {
  /** Bound by `ResultShape` and `ShapeProblem`, unknown elsewhere. */
  readonly input: unknown;
  /** The shapes that the layer may take. */
  readonly accepts: unknown;
  /** The shape of the result. */
  readonly output: unknown;
  /** What is wrong with the input, as text for the compiler's message; never where nothing is. */
  readonly problem: unknown;
  /** The layers of a chain, which is walked along with what surrounds it. Other layers leave it out. */
  readonly chain: unknown;
}

/** Layers that take any shape and keep it. */
export interface KeepsShape extends ShapeRule {
  readonly accepts: Shape;
  readonly output: this['input'];
  readonly problem: never;
}

/** The shapes of images, of any channels. */
export type ImageShapes = readonly [number, number, number, number] | readonly [number, number, number];

/** A layer that carries its rule. */
interface Ruled {
  readonly [shapeRule]: ShapeRule;
}

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

/** The rule of any layer. */
type RuleOf<L> = 0 extends 1 & L ? AnyRule : L extends Ruled ? L[typeof shapeRule] : MethodRule<L>;

/** Of a layer whose type is `any`. */
interface AnyRule extends ShapeRule {
  readonly accepts: Shape;
  readonly output: Shape;
  readonly problem: never;
}

/** Of a user's module. */
interface MethodRule<L> extends ShapeRule {
  readonly accepts: KnownShape<ParameterOf<L>>;
  readonly output: KnownShape<ResultOf<L>>;
  readonly problem: SameShape<this['input'], KnownShape<ParameterOf<L>>> extends true
    ? never
    : 'Expected a tensor of the shape that this module takes';
}

// A member of a rule, applied to S. An indexed access and not a conditional type: compositions in each other, whose
// rules ask for those of their layers, then nest half as deep in the compiler, which gives up at a depth of 100.

/** The shapes that a layer may take. */
export type InputShapes<L> = RuleOf<L>['accepts'];

/** What a layer makes of shape S. */
export type ResultShape<L, S> = (RuleOf<L> & { readonly input: S })['output'];

/** The problem that shape S is for a layer, or never. */
export type ShapeProblem<L, S> = (RuleOf<L> & { readonly input: S })['problem'];

/** The layers of a chain; unknown for any other layer. */
export type ChainOf<L> = RuleOf<L>['chain'];

/** Those of the shapes S that a layer takes; what it takes, where nothing is known of S. */
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

/** The shape of a tensor; any where the type of the tensor is unknown, as that of a `Layer`. */
type KnownShape<X> = [X] extends [never] ? Shape : ShapeOf<X>;
