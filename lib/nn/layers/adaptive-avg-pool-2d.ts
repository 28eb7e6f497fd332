import { adaptiveAvgPool } from '../../ops/adaptive-avg-pool.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { JsonReader } from '../../json/json-reader.js';
import { requirePositiveInteger, wrongValue } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import type { ImageProblem } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { ImageShapes, shapeRule, ShapeRule } from '../shape-rule.js';
import { NoParameters } from './no-parameters.js';

/** The shape of AdaptiveAvgPool2D's result for images of shape S. */
export type AdaptivelyPooled<S, H extends number, W extends number> = S extends readonly [
  infer N extends number,
  infer C extends number,
  number,
  number,
]
  ? readonly [N, C, H, W]
  : S extends readonly [infer C extends number, number, number]
    ? readonly [C, H, W]
    : readonly [number, H, W] | readonly [number, number, H, W];

/** Turns images of any size into images of H rows and W columns. */
interface AdaptivePoolRule<H extends number, W extends number> extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: AdaptivelyPooled<this['input'], H, W>;
  readonly problem: ImageProblem<this['input'], number>;
}

/**
 * The means of a grid of windows that cover the image, as PyTorch's `AdaptiveAvgPool2d`. Images of any size become
 * images of `height` rows and `width` columns; windows overlap where these do not divide the size.
 *
 * @example
 * new AdaptiveAvgPool2D(7).forward(Tensor.zeros([8, 64, 30, 45])); // Tensor4D<8, 64, 7, 7>
 */
export class AdaptiveAvgPool2D<
  H extends number,
  W extends number = H,
> extends NoParameters<'AdaptiveAvgPool2D'> {
  /** @internal */
  static readonly type = 'AdaptiveAvgPool2D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): AdaptiveAvgPool2D<number, number> {
    return new AdaptiveAvgPool2D([reader.integer('height', 1), reader.integer('width', 1)]);
  }

  /** Rows of the result. */
  readonly height: H;
  /** Columns of the result. */
  readonly width: W;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: AdaptivePoolRule<H, W>;

  /**
   * @param outputSize Rows and columns of the result, one number for both or `[height, width]`.
   * @throws TypeError or RangeError unless they are positive integers.
   */
  constructor(outputSize: H | readonly [H, W]) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    super();
    const sizes: readonly unknown[] = Array.isArray(outputSize) ? outputSize : [outputSize, outputSize];
    if (sizes.length !== 2) {
      throw wrongValue('outputSize', 'a number or [height, width]', `an array of length ${sizes.length}`);
    }
    const name = (axis: number) => (Array.isArray(outputSize) ? `outputSize[${axis}]` : 'outputSize');
    this.height = requirePositiveInteger(name(0), sizes[0]) as H;
    this.width = requirePositiveInteger(name(1), sizes[1]) as W;
  }

  /**
   * @param x [C, H, W] or [N, C, H, W], with or without a tape.
   * @throws RangeError for another rank and for images without a pixel.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ImageProblem<ShapeOf<X>, number>>,
  ): Tensor<AdaptivelyPooled<ShapeOf<X>, H, W>, TapeOf<X>> {
    const y = adaptiveAvgPool(requireTensor('x', x), this.height, this.width);
    return y as unknown as Tensor<AdaptivelyPooled<ShapeOf<X>, H, W>, TapeOf<X>>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { height: this.height, width: this.width } };
  }
}
