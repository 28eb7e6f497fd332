import { readImageShape } from '../../ops/image-shape.js';
import { requireTensor } from '../../ops/operand.js';
import { reshape } from '../../ops/reshape.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { ImageProblem } from '../input.js';
import { NoParameters } from './no-parameters.js';
import type { ImageShapes, shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** The shape of Flatten2D's result for shape S. */
export type Flattened<S> = S extends readonly [infer N extends number, number, number, number]
  ? readonly [N, number]
  : readonly [number];

/** Turns images into rows. */
interface FlattenRule extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: Flattened<this['input']>;
  readonly problem: ImageProblem<this['input'], number>;
}

/** Flattens images into rows: maps [N, C, H, W] to [N, C*H*W], and [C, H, W] to [C*H*W]. */
export class Flatten2D extends NoParameters<'Flatten2D'> {
  /** @internal */
  static readonly type = 'Flatten2D';

  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: FlattenRule;

  /**
   * @param x [C, H, W] or [N, C, H, W], with or without a tape.
   * @throws RangeError for another rank.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ImageProblem<ShapeOf<X>, number>>,
  ): Tensor<Flattened<ShapeOf<X>>, TapeOf<X>> {
    const input = requireTensor('x', x);
    const { images, channels, plane } = readImageShape('x', input.shape);
    const row = channels * plane;
    const shape = input.shape.length === 4 ? [images, row] : [row];
    return reshape(input, shape) as unknown as Tensor<Flattened<ShapeOf<X>>, TapeOf<X>>;
  }
}
