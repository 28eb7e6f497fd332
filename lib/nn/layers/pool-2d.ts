import type { Pair } from '../../core/pair.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { JsonReader } from '../../json/json-reader.js';
import { type AnyTensor, requireTensor } from '../../ops/operand.js';
import { avgPool, maxPool, type Windows } from '../../ops/pool.js';
import { orDefault, requireBoolean, requireOptions } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import type { ImageShapes, shapeRule, ShapeRule } from '../shape-rule.js';
import { Pool } from './pool.js';
import {
  averagingOptions,
  imageWindows,
  type PoolPadding,
  readImageWindows,
  windowsFromJson,
  windowsFromOptions,
} from './pool-windows.js';
import type { PooledImages, PoolImageProblem } from './pooled-size.js';

/** Turns images into images with one pixel per window. */
interface PoolRule<
  K extends Pair,
  S extends Pair,
  P extends PoolPadding,
  D extends Pair,
  M extends boolean,
> extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: PooledImages<this['input'], K, S, P, D, M>;
  readonly problem: PoolImageProblem<this['input'], K, P, D>;
}

/** Settings that `MaxPool2D` and `AvgPool2D` share. */
export interface PoolOptions<
  S extends Pair = Pair,
  P extends PoolPadding = PoolPadding,
  M extends boolean = boolean,
> {
  /**
   * Rows and columns between neighboring windows: a number, or [rows, columns]. Default 1, as in dfdx; PyTorch's default is
   * `kernelSize`.
   */
  readonly stride?: S;
  /**
   * Rows and columns of padding, less than those of `kernelSize`: a number for all sides, [rows, columns], or
   * [top, left, bottom, right]. Default 0.
   */
  readonly padding?: P;
  /**
   * Whether the number of windows along an axis is rounded up, as in PyTorch: the last window may then reach beyond the
   * padding, unless it begins there. Default false.
   */
  readonly ceilMode?: M;
}

/** Settings of a new `MaxPool2D`. */
export interface MaxPoolOptions<
  S extends Pair = Pair,
  P extends PoolPadding = PoolPadding,
  D extends Pair = Pair,
  M extends boolean = boolean,
> extends PoolOptions<S, P, M> {
  /** Rows and columns between neighboring pixels of a window: a number, or [rows, columns]. Default 1. */
  readonly dilation?: D;
}

/** Settings of a new `AvgPool2D`. */
export interface AvgPoolOptions<
  S extends Pair = Pair,
  P extends PoolPadding = PoolPadding,
  M extends boolean = boolean,
> extends PoolOptions<S, P, M> {
  /** Whether padding counts as zeros. Otherwise each mean is that of the pixels in its window. Default true, as in PyTorch. */
  readonly countIncludePad?: boolean;
}

/** The base of MaxPool2D and AvgPool2D: windows over images. */
export abstract class Pool2D<
  Name extends string,
  K extends Pair,
  S extends Pair,
  P extends PoolPadding,
  D extends Pair,
  M extends boolean,
> extends Pool<Name, K, S, P, D, M> {
  static {
    guardMethods(this);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: PoolRule<K, S, P, D, M>;

  /** @param given The options, of which the names are checked. */
  protected constructor(kernelSize: K, given: Readonly<Record<string, unknown>>) {
    super(windowsFromOptions(readImageWindows, kernelSize, given));
  }

  /**
   * @param x [C, H, W] or [N, C, H, W], with a tape or without.
   * @returns Of the height floor((H + top + bottom - dilation * (kernelSize - 1) - 1) / stride) + 1, and likewise of the
   * width. With `ceilMode`, the quotient is rounded up, unless the last window would begin after the image.
   * @throws RangeError for another rank and for images that hold no window.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, PoolImageProblem<ShapeOf<X>, K, P, D>>,
  ): Tensor<PooledImages<ShapeOf<X>, K, S, P, D, M>, TapeOf<X>> {
    const y = this.pool(requireTensor('x', x), imageWindows(this));
    return y as unknown as Tensor<PooledImages<ShapeOf<X>, K, S, P, D, M>, TapeOf<X>>;
  }
}

/**
 * The maximum of each window, as dfdx's `MaxPool2D<K, S, P>`. NaN is larger than any number, as in PyTorch;
 * dfdx ignores it. The gradient goes to the first maximum in row-major order, as in PyTorch; dfdx passes it
 * to each of several maxima. Padding is never the maximum: a window that contains only -Infinity passes its
 * gradient to its first pixel.
 *
 * @example
 * new MaxPool2D(2, { stride: 2 }).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
 * new MaxPool2D([3, 1], { stride: [2, 1], padding: [1, 0] }).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 32>
 */
export class MaxPool2D<
  const K extends Pair,
  const S extends Pair = 1,
  const P extends PoolPadding = 0,
  const D extends Pair = 1,
  M extends boolean = false,
> extends Pool2D<'MaxPool2D', K, S, P, D, M> {
  /** @internal */
  static readonly type = 'MaxPool2D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): MaxPool2D<Pair, Pair, PoolPadding, Pair, boolean> {
    const { kernelSize, ...options } = windowsFromJson(readImageWindows, reader);
    return new MaxPool2D(kernelSize, options);
  }

  /**
   * @param kernelSize Height and width of a window, one number for both or [height, width].
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: MaxPoolOptions<S, P, D, M>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super(kernelSize, requireOptions('options', options, ['stride', 'padding', 'dilation', 'ceilMode']));
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return maxPool(x, windows);
  }
}

/**
 * The mean of each window, as dfdx's `AvgPool2D<K, S, P>`. By default padding counts as zeros: every sum is divided by
 * the number of pixels of a window, as in PyTorch; with `ceilMode`, those beyond the padding do not count.
 *
 * @example
 * new AvgPool2D(2, { stride: 2 }).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
 */
export class AvgPool2D<
  const K extends Pair,
  const S extends Pair = 1,
  const P extends PoolPadding = 0,
  M extends boolean = false,
> extends Pool2D<'AvgPool2D', K, S, P, 1, M> {
  /** @internal */
  static readonly type = 'AvgPool2D';

  static {
    guardMethods(this);
  }

  /** @internal */
  static override read(reader: JsonReader): AvgPool2D<Pair, Pair, PoolPadding, boolean> {
    const { kernelSize, stride, padding, ceilMode } = windowsFromJson(readImageWindows, reader);
    const countIncludePad = requireBoolean(reader.place('countIncludePad'), reader.field('countIncludePad'));
    return new AvgPool2D(kernelSize, { stride, padding, ceilMode, countIncludePad });
  }

  /** Whether padding counts as zeros. */
  readonly countIncludePad: boolean;

  /**
   * @param kernelSize Height and width of a window, one number for both or [height, width].
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: AvgPoolOptions<S, P, M>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const given = requireOptions('options', options, averagingOptions);
    super(kernelSize, given);
    this.countIncludePad = requireBoolean('countIncludePad', orDefault(given.countIncludePad, true));
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return avgPool(x, windows, this.countIncludePad);
  }
}
