import { reshape } from '../../ops/reshape.js';
import { requireTensor } from '../../ops/operand.js';
import { formatShape, type HasUnknownRank, type Shape, type Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { JsonReader } from '../../json/json-reader.js';
import { wrongShape, wrongType, wrongValue } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { NoParameters } from './no-parameters.js';

/** The first A sizes of a shape; never if it has fewer. */
type Leading<S, A extends number, R extends Shape = readonly []> = R['length'] extends A
  ? R
  : S extends readonly [infer N extends number, ...infer Rest]
    ? Leading<Rest, A, readonly [...R, N]>
    : never;

/** The shape of Flatten's result for shape S. */
export type FlattenedFrom<S, A extends number> = S extends Shape
  ? true extends HasUnknownRank<S> | (number extends A ? true : false)
    ? Shape
    : readonly [...Leading<S, A>, number]
  : never;

/** The problem with shape S for Flatten, or never: it must have an axis A. */
type FlattenProblem<S, A extends number> = S extends Shape
  ? true extends HasUnknownRank<S> | (number extends A ? true : false)
    ? never
    : `${A}` extends keyof S
      ? never
      : `Expected a tensor with an axis ${A}`
  : never;

/** The axes from A on become one. */
interface FlattenRule<A extends number> extends ShapeRule {
  readonly accepts: Shape;
  readonly output: FlattenedFrom<this['input'], A>;
  readonly problem: FlattenProblem<this['input'], A>;
}

/**
 * Joins the axes from `startAxis` on into one, as PyTorch's `Flatten(start_dim)`.
 *
 * @example
 * new Flatten().forward(Tensor.zeros([8, 3, 4, 4])); // [8, 48]
 * new Flatten(2).forward(Tensor.zeros([8, 3, 4, 4])); // [8, 3, 16]
 */
export class Flatten<A extends number = 1> extends NoParameters<'Flatten'> {
  /** @internal */
  static readonly type = 'Flatten';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): Flatten<number> {
    return new Flatten(reader.integer('startAxis', 0));
  }

  /** The first of the axes that are joined, counted from 0. */
  readonly startAxis: A;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: FlattenRule<A>;

  /**
   * @param startAxis The first of the axes to join, counted from 0. Default 1, which keeps the batch axis.
   * @throws TypeError or RangeError unless it is a non-negative integer.
   */
  constructor(startAxis?: A) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    this.startAxis = (startAxis === undefined ? 1 : requireAxis(startAxis)) as A;
  }

  /**
   * @param x A tensor with more than `startAxis` axes, with or without a tape.
   * @returns The same values; the axes before `startAxis` keep their sizes.
   * @throws RangeError for fewer axes.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, FlattenProblem<ShapeOf<X>, A>>,
  ): Tensor<FlattenedFrom<ShapeOf<X>, A>, TapeOf<X>> {
    const input = requireTensor('x', x);
    const { shape } = input;
    if (shape.length <= this.startAxis) {
      throw wrongShape('x', `a tensor with an axis ${this.startAxis}`, `shape ${formatShape(shape)}`);
    }
    const joined = shape.slice(this.startAxis).reduce((product, size) => product * size, 1);
    const result = reshape(input, [...shape.slice(0, this.startAxis), joined]);
    return result as unknown as Tensor<FlattenedFrom<ShapeOf<X>, A>, TapeOf<X>>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { startAxis: this.startAxis } };
  }
}

function requireAxis(axis: unknown): number {
  const expected = 'a non-negative integer';
  if (typeof axis !== 'number') throw wrongType('startAxis', expected, axis);
  if (!Number.isInteger(axis) || axis < 0) throw wrongValue('startAxis', expected, String(axis));
  return axis;
}
