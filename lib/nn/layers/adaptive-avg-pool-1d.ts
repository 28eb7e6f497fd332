import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { JsonReader } from '../../json/json-reader.js';
import { adaptiveAvgPoolSignals } from '../../ops/adaptive-avg-pool.js';
import { requireTensor } from '../../ops/operand.js';
import { requirePositiveInteger } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { shapeRule, ShapeRule, SignalShapes } from '../shape-rule.js';
import { NoParameters } from './no-parameters.js';
import type { SignalsProblem } from './pooled-size.js';

/** The shape of AdaptiveAvgPool1D's result for signals of shape S. */
export type AdaptivelyPooledSignals<S, L extends number> = S extends readonly [
  infer N extends number,
  infer C extends number,
  number,
]
  ? readonly [N, C, L]
  : S extends readonly [infer C extends number, number]
    ? readonly [C, L]
    : readonly [number, L] | readonly [number, number, L];

/** Turns signals of any length into signals of L values. */
interface AdaptiveSignalPoolRule<L extends number> extends ShapeRule {
  readonly accepts: SignalShapes;
  readonly output: AdaptivelyPooledSignals<this['input'], L>;
  readonly problem: SignalsProblem<this['input']>;
}

/**
 * The means of windows that cover the signal, as PyTorch's `AdaptiveAvgPool1d`. Signals of any length become signals of
 * `length` values; windows overlap where that does not divide the length.
 *
 * @example
 * new AdaptiveAvgPool1D(4).forward(Tensor.zeros([8, 16, 90])); // Tensor3D<8, 16, 4>
 */
export class AdaptiveAvgPool1D<L extends number> extends NoParameters<'AdaptiveAvgPool1D'> {
  /** @internal */
  static readonly type = 'AdaptiveAvgPool1D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): AdaptiveAvgPool1D<number> {
    return new AdaptiveAvgPool1D(reader.integer('length', 1));
  }

  /** Length of the result. */
  readonly length: L;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: AdaptiveSignalPoolRule<L>;

  /**
   * @param outputSize Length of the result.
   * @throws TypeError or RangeError unless it is a positive integer.
   */
  constructor(outputSize: L) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    this.length = requirePositiveInteger('outputSize', outputSize) as L;
  }

  /**
   * @param x [C, L] or [N, C, L], with or without a tape.
   * @throws RangeError for another rank and for signals without a value.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, SignalsProblem<ShapeOf<X>>>,
  ): Tensor<AdaptivelyPooledSignals<ShapeOf<X>, L>, TapeOf<X>> {
    const y = adaptiveAvgPoolSignals(requireTensor('x', x), this.length);
    return y as unknown as Tensor<AdaptivelyPooledSignals<ShapeOf<X>, L>, TapeOf<X>>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { length: this.length } };
  }
}
