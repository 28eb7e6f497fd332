import { requirePositiveInteger, wrongType, wrongValue } from '../../validation/errors.js';
import type { AnyTensor } from '../../ops/operand.js';
import { requireTensor } from '../../ops/operand.js';
import { avgPool, maxPool, type Windows } from '../../ops/pool.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { WindowSize } from '../../core/window-size.js';
import type { ImageProblem } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { NoParameters } from './no-parameters.js';
import type { ImageShapes, shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** What pooling makes of shape S. */
export type Pooled<X, K extends number, S extends number, P extends number> = X extends readonly [
  infer N extends number,
  infer C extends number,
  infer H extends number,
  infer W extends number,
]
  ? readonly [N, C, WindowSize<H, K, S, P>, WindowSize<W, K, S, P>]
  : X extends readonly [infer C extends number, infer H extends number, infer W extends number]
    ? readonly [C, WindowSize<H, K, S, P>, WindowSize<W, K, S, P>]
    : readonly [number, number, number] | readonly [number, number, number, number];

/** What is wrong with shape X for pooling; never where nothing is. */
export type PoolProblem<X, K extends number, S extends number, P extends number> = X extends unknown
  ? ImageProblem<X, number> extends never
    ? HasWindows<X, K, S, P> extends true
      ? never
      : `Expected images that hold a window of ${K} x ${K} pixels`
    : ImageProblem<X, number>
  : never;

type HasWindows<X, K extends number, S extends number, P extends number> = X extends readonly [
  ...Shape,
  infer H extends number,
  infer W extends number,
]
  ? WindowSize<H, K, S, P> extends never
    ? false
    : WindowSize<W, K, S, P> extends never
      ? false
      : true
  : true;

/** Images become images of windows. */
interface PoolRule<K extends number, S extends number, P extends number> extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: Pooled<this['input'], K, S, P>;
  readonly problem: PoolProblem<this['input'], K, S, P>;
}

/** What MaxPool2D and AvgPool2D have in common: windows of K x K pixels, S apart, over images with P more
 * pixels on every side. */
export abstract class Pool2D<
  Name extends string,
  K extends number,
  S extends number,
  P extends number,
> extends NoParameters<Name> {
  static {
    guardMethods(this);
  }

  /** Height and width of a window. */
  readonly kernel: K;
  /** From one window to the next, down and to the right. */
  readonly stride: S;
  /** Pixels around the image, less than `kernel`. */
  readonly padding: P;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: PoolRule<K, S, P>;

  /**
   * @param kernel Height and width of a window.
   * @param stride From one window to the next. Default 1, as in dfdx; PyTorch's is the kernel.
   * @param padding Pixels around the image, less than `kernel`: every window holds a pixel of it. Default 0.
   * @throws TypeError or RangeError naming the argument that is wrong.
   */
  constructor(kernel: K, stride?: S, padding?: P) {
    if (arguments.length > 3) requireNoSurplus(`new ${new.target.name}`, 3, arguments);
    super();
    requirePositiveInteger('kernel', kernel);
    if (stride !== undefined) requirePositiveInteger('stride', stride);
    if (padding !== undefined) requirePadding(padding, kernel);
    this.kernel = kernel;
    this.stride = stride ?? (1 as S);
    this.padding = padding ?? (0 as P);
  }

  /**
   * @param x [C, H, W] or [N, C, H, W], with a tape or without.
   * @returns Of the height floor((H + 2 * padding - kernel) / stride) + 1, and likewise of the width.
   * @throws RangeError for another rank and for images that hold no window.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, PoolProblem<ShapeOf<X>, K, S, P>>,
  ): Tensor<Pooled<ShapeOf<X>, K, S, P>, TapeOf<X>> {
    const y = this.pool(requireTensor('x', x), this);
    return y as unknown as Tensor<Pooled<ShapeOf<X>, K, S, P>, TapeOf<X>>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const { kernel, stride, padding } = this;
    return { sizes: { kernel }, settings: { stride, padding } };
  }

  /** The operation. */
  protected abstract pool(x: AnyTensor, windows: Windows): AnyTensor;
}

/**
 * The largest value of each window, as dfdx's `MaxPool2D<K, S, P>`. NaN is larger than any number, as in
 * PyTorch; dfdx ignores it. The gradient goes to the first maximum in row-major order, as in PyTorch; dfdx
 * gives it to each of several. The padding is never the maximum: a window of nothing but -Infinity
 * gives its gradient to its first pixel.
 *
 * @example
 * new MaxPool2D(2, 2).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
 */
export class MaxPool2D<K extends number, S extends number = 1, P extends number = 0> extends Pool2D<
  'MaxPool2D',
  K,
  S,
  P
> {
  /** @internal */
  static readonly type = 'MaxPool2D';

  static {
    guardMethods(this);
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return maxPool(x, windows);
  }
}

/**
 * The mean of each window, as dfdx's `AvgPool2D<K, S, P>`. The padding counts as zeros: the sum is divided
 * by K * K everywhere, which is PyTorch's default, too (`count_include_pad=True`).
 *
 * @example
 * new AvgPool2D(2, 2).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
 */
export class AvgPool2D<K extends number, S extends number = 1, P extends number = 0> extends Pool2D<
  'AvgPool2D',
  K,
  S,
  P
> {
  /** @internal */
  static readonly type = 'AvgPool2D';

  static {
    guardMethods(this);
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return avgPool(x, windows);
  }
}

function requirePadding(padding: unknown, kernel: number): void {
  const expected = `a non-negative integer below the kernel, ${kernel},`;
  if (typeof padding !== 'number') throw wrongType('padding', expected, padding);
  if (!Number.isInteger(padding) || padding < 0 || padding >= kernel) {
    throw wrongValue('padding', expected, String(padding));
  }
}
