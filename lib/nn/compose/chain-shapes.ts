import type { Decision, Mistake, Shape, Verdict } from '../../core/shape.js';
import type {
  Accepted,
  ChainOf,
  InputShapes,
  Layer,
  ResultShape,
  ShapeProblem,
  ShapeRule,
} from '../shape-rule.js';

// The shapes of layers one after the other. Everything that walks along layers is tail-recursive, which the compiler
// evaluates without nesting: 1,000 layers instead of 45. Chains inside are walked along with what surrounds them for
// the same reason. Patterns end in `infer` where `number` would do, because the compiler decides those for type
// parameters as well.

/** The rule of layers one after the other. */
export interface ChainRule<Layers extends readonly unknown[]> extends ShapeRule {
  readonly accepts: ChainInputs<Layers>;
  readonly output: ChainResult<Layers, this['input']>;
  readonly problem: ChainProblem<Layers, this['input']>;
  readonly chain: Layers;
}

/** The shapes that the first of these layers takes and whose results the others take. */
type ChainInputs<Layers extends readonly unknown[]> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? ChainInputs<readonly [...Inner, ...Rest]>
    : Passing<Rest, InputShapes<First>, First>
  : Shape;

/** Those of the shapes S that the first layer takes and whose results the others take. */
type Passing<Rest extends readonly unknown[], S, First> = S extends unknown
  ? ChainProblem<Rest, ResultShape<First, S>> extends never
    ? S
    : never
  : never;

/**
 * What layers one after the other make of shape S. An array of layers (`...Layer[]`) makes an unknown shape of any;
 * the layers behind it, which are kept in `Behind` while it is looked for, go on from there.
 */
export type ChainResult<
  Layers extends readonly unknown[],
  S,
  Behind extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
    ? ChainResult<readonly [...Inner, ...Rest], S>
    : ChainResult<Rest, ResultShape<First, S>>
  : Layers extends readonly []
    ? S
    : Layers extends readonly [...infer Before, infer Last]
      ? ChainResult<Before, Shape, readonly [Last, ...Behind]>
      : ChainResult<Behind, Shape>;

/** The first problem of shape S on its way through layers, or never. */
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
type Misfit<Layers extends readonly unknown[], S> = Layers extends readonly [infer First, ...infer Rest]
  ? ChainOf<First> extends infer Inner extends readonly unknown[]
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
  S,
  Before extends readonly unknown[] = readonly [],
> = Layers extends readonly [infer First, ...infer Rest]
  ? [Accepted<First, S>] extends [never]
    ? // After one that does not fit, as if it did: the first problem is told, not those that follow from it.
      Problems<
        Rest,
        ResultsOf<First, InputShapes<First>>,
        readonly [...Before, Mistake<ShapeProblem<First, S> & string>]
      >
    : Problems<Rest, ResultsOf<First, Accepted<First, S>>, readonly [...Before, unknown]>
  : Before;

type ResultsOf<L, S> = S extends unknown ? ResultShape<L, S> : never;
