import { requireTensor } from '../../ops/operand.js';
import { avgPoolGlobal } from '../../ops/pool.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { ImageProblem } from '../input.js';
import { NoParameters } from './no-parameters.js';
import type { ImageShapes, shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** The shape of AvgPoolGlobal's result for shape S. */
export type GloballyPooled<S> = S extends readonly [
  infer N extends number,
  infer C extends number,
  number,
  number,
]
  ? readonly [N, C]
  : S extends readonly [infer C extends number, number, number]
    ? readonly [C]
    : readonly [number] | readonly [number, number];

/** Turns images into rows of one value per channel. */
interface GlobalPoolRule extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: GloballyPooled<this['input']>;
  readonly problem: ImageProblem<this['input'], number>;
}

/**
 * The mean of each channel of each image, as dfdx's `AvgPoolGlobal`: maps [N, C, H, W] to [N, C], and [C, H,
 * W] to [C].
 */
export class AvgPoolGlobal extends NoParameters<'AvgPoolGlobal'> {
  /** @internal */
  static readonly type = 'AvgPoolGlobal';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: GlobalPoolRule;

  /**
   * @param x [C, H, W] or [N, C, H, W], with or without a tape.
   * @throws RangeError for another rank and for images without a pixel.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ImageProblem<ShapeOf<X>, number>>,
  ): Tensor<GloballyPooled<ShapeOf<X>>, TapeOf<X>> {
    const y = avgPoolGlobal(requireTensor('x', x));
    return y as unknown as Tensor<GloballyPooled<ShapeOf<X>>, TapeOf<X>>;
  }
}
