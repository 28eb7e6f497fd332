import type { Decision, TypeMismatch, Shape, Verdict } from '../../core/shape.js';
import type {
  Accepted,
  ChainOf,
  InputShapes,
  Layer,
  ResultShape,
  ShapeProblem,
  ShapeRule,
} from '../shape-rule.js';

// The shapes along a chain of layers. Types that walk along layers are tail-recursive, which the compiler
// evaluates without nesting: 1,000 layers instead of 45. Nested chains are flattened into the surrounding
// chain for the same reason. Patterns end in `infer` although `number` would do, because the compiler
// resolves those for type parameters as well.

/** The shape rule of a chain of layers. */
export interface ChainRule<Layers extends readonly unknown[]> extends ShapeRule {
  readonly accepts: ChainInputs<Layers>;
  readonly output: ChainResult<Layers, this['input']>;
  readonly problem: ChainProblem<Layers, this['input']>;
  readonly chain: Layers;
}

/** The shapes that the first of these layers accepts and whose results the others accept. */
type ChainInputs<Layers extends readonly unknown[]> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? ChainInputs<readonly [...Inner, ...Rest]>
    : Passing<Rest, InputShapes<First>, First>
  : Shape;

/** The shapes in the union S that the first layer accepts and whose results the others accept. */
type Passing<Rest extends readonly unknown[], S, First> = S extends unknown
  ? ChainProblem<Rest, ResultShape<First, S>> extends never
    ? S
    : never
  : never;

/**
 * The shape of the result of a chain for shape S. The result of an array of layers (`...Layer[]`) is unknown;
 * the layers after it, collected in `After` during the search for it, continue from there.
 */
export type ChainResult<
  Layers extends readonly unknown[],
  S,
  After extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? ChainResult<readonly [...Inner, ...Rest], S>
    : ChainResult<Rest, ResultShape<First, S>>
  : Layers extends readonly []
    ? S
    : Layers extends readonly [...infer Before, infer Last]
      ? ChainResult<Before, Shape, readonly [Last, ...After]>
      : ChainResult<After, Shape>;

/** The first problem that shape S causes on its way through the layers, or never. */
export type ChainProblem<Layers extends readonly unknown[], S> = Layers extends readonly [
  infer First,
  ...infer Rest,
]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? ChainProblem<readonly [...Inner, ...Rest], S>
    : ShapeProblem<First, S> extends never
      ? ChainProblem<Rest, ResultShape<First, S>>
      : ShapeProblem<First, S>
  : never;

/**
 * The type required of a composition's arguments: their own, unless a layer certainly does not accept the
 * result of the layers before it. That layer is then intersected with its problem, and does not compile.
 */
export type Fitting<Layers extends readonly Layer[]> = [
  Layers,
  Decision<Verdict<Misfit<Layers, Shape>>>,
] extends [unknown, Decision<'wrong'>]
  ? { readonly [I in keyof Layers]: Layers[I] & At<Problems<Layers, Shape>, I> }
  : Layers;

/** `'wrong'` if a layer accepts no result of the layers before it, else never. */
type Misfit<Layers extends readonly unknown[], S> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? Misfit<readonly [...Inner, ...Rest], S>
    : Accepted<First, S> extends never
      ? 'wrong'
      : Misfit<Rest, ResultsOf<First, Accepted<First, S>>>
  : never;

/** The element of a tuple at an index that the compiler does not know to be valid. */
type At<Tuple extends readonly unknown[], I> = I extends keyof Tuple ? Tuple[I] : unknown;

/** For each layer, `unknown` if it accepts a result of the layers before it, else its problem. */
type Problems<
  Layers extends readonly unknown[],
  S,
  Before extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? [Accepted<First, S>] extends [never]
    ? // After a layer that does not fit, continue as if it did, so that only the first problem is reported.
      Problems<
        Rest,
        ResultsOf<First, InputShapes<First>>,
        readonly [...Before, TypeMismatch<ShapeProblem<First, S> & string>]
      >
    : Problems<Rest, ResultsOf<First, Accepted<First, S>>, readonly [...Before, unknown]>
  : Before;

type ResultsOf<L, S> = S extends unknown ? ResultShape<L, S> : never;
