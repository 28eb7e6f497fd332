import type { JsonReader } from '../../json/json-reader.js';
import {
  requireBoolean,
  requireOptions,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../../validation/errors.js';
import type { AnyTensor } from '../../ops/operand.js';
import { requireTensor } from '../../ops/operand.js';
import { avgPool, avgPoolOfPixels, maxPool, type Windows } from '../../ops/pool.js';
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

/** The shape of the pooled images for shape X. */
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

/** The problem with shape X for pooling, or never. */
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

/** Turns images into images with one pixel per window. */
interface PoolRule<K extends number, S extends number, P extends number> extends ShapeRule {
  readonly accepts: ImageShapes;
  readonly output: Pooled<this['input'], K, S, P>;
  readonly problem: PoolProblem<this['input'], K, S, P>;
}

/** Settings of a new `MaxPool2D` or `AvgPool2D`. */
export interface PoolOptions<S extends number = number, P extends number = number> {
  /** Rows and columns between neighbouring windows. Default 1, as in dfdx; PyTorch's default is `kernelSize`. */
  readonly stride?: S;
  /** Rows and columns of padding on each side, less than `kernelSize`, so that every window covers a pixel. Default 0. */
  readonly padding?: P;
}

/** Settings of a new `AvgPool2D`. */
export interface AvgPoolOptions<S extends number = number, P extends number = number> extends PoolOptions<
  S,
  P
> {
  /** Whether padding counts as zeros. Otherwise each mean is that of the pixels in its window. Default true, as in PyTorch. */
  readonly countIncludePad?: boolean;
}

/** The base of MaxPool2D and AvgPool2D: windows of K x K pixels with stride S over images with padding P. */
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
  readonly kernelSize: K;
  /** Rows and columns between neighbouring windows. */
  readonly stride: S;
  /** Rows and columns of padding on each side of the image, less than `kernelSize`. */
  readonly padding: P;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: PoolRule<K, S, P>;

  /** @param given The options, of which the names are checked. */
  protected constructor(kernelSize: K, given: Readonly<Record<string, unknown>>) {
    super();
    requirePositiveInteger('kernelSize', kernelSize);
    const { stride = 1, padding = 0 } = given;
    this.kernelSize = kernelSize;
    this.stride = requirePositiveInteger('stride', stride) as S;
    this.padding = requirePadding(padding, kernelSize) as P;
  }

  /**
   * @param x [C, H, W] or [N, C, H, W], with a tape or without.
   * @returns Of the height floor((H + 2 * padding - kernelSize) / stride) + 1, and likewise of the width.
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
    const { kernelSize, stride, padding } = this;
    return { sizes: { kernelSize }, settings: { stride, padding } };
  }

  /** Applies the operation. */
  protected abstract pool(x: AnyTensor, windows: Windows): AnyTensor;
}

/**
 * The maximum of each window, as dfdx's `MaxPool2D<K, S, P>`. NaN is larger than any number, as in PyTorch;
 * dfdx ignores it. The gradient goes to the first maximum in row-major order, as in PyTorch; dfdx passes it
 * to each of several maxima. Padding is never the maximum: a window that contains only -Infinity passes its
 * gradient to its first pixel.
 *
 * @example
 * new MaxPool2D(2, { stride: 2 }).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
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

  /** @internal */
  static override read(reader: JsonReader): MaxPool2D<number, number, number> {
    return new MaxPool2D(...readArguments(reader));
  }

  /**
   * @param kernelSize Height and width of a window.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: PoolOptions<S, P>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super(kernelSize, requireOptions('options', options, ['stride', 'padding']));
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return maxPool(x, windows);
  }
}

/**
 * The mean of each window, as dfdx's `AvgPool2D<K, S, P>`. By default padding counts as zeros: every sum is divided by
 * K * K, as in PyTorch.
 *
 * @example
 * new AvgPool2D(2, { stride: 2 }).forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 3, 16, 16>
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

  /** @internal */
  static override read(reader: JsonReader): AvgPool2D<number, number, number> {
    const [kernelSize, options] = readArguments(reader);
    const countIncludePad = requireBoolean(reader.place('countIncludePad'), reader.field('countIncludePad'));
    return new AvgPool2D(kernelSize, { ...options, countIncludePad });
  }

  /** Whether padding counts as zeros. */
  readonly countIncludePad: boolean;

  /**
   * @param kernelSize Height and width of a window.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(kernelSize: K, options?: AvgPoolOptions<S, P>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const given = requireOptions('options', options, ['stride', 'padding', 'countIncludePad']);
    super(kernelSize, given);
    const { countIncludePad = true } = given;
    this.countIncludePad = requireBoolean('countIncludePad', countIncludePad);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const { countIncludePad } = this;
    const own = super[describeLayer]();
    return { ...own, settings: { ...own.settings, countIncludePad } };
  }

  protected override pool(x: AnyTensor, windows: Windows): AnyTensor {
    return this.countIncludePad || this.padding === 0 ? avgPool(x, windows) : avgPoolOfPixels(x, windows);
  }
}

function requirePadding(padding: unknown, kernelSize: number): number {
  const expected = `a non-negative integer below kernelSize, ${kernelSize},`;
  if (typeof padding !== 'number') throw wrongType('padding', expected, padding);
  if (!Number.isInteger(padding) || padding < 0 || padding >= kernelSize) {
    throw wrongValue('padding', expected, String(padding));
  }
  return padding;
}

/** The constructor's arguments from a layer's JSON. */
function readArguments(reader: JsonReader): [kernelSize: number, options: Required<PoolOptions>] {
  const kernelSize = reader.integer('kernelSize', 1);
  const padding = reader.integer('padding', 0);
  if (padding >= kernelSize) {
    throw wrongValue(reader.place('padding'), `an integer below kernelSize, ${kernelSize},`, String(padding));
  }
  return [kernelSize, { stride: reader.integer('stride', 1), padding }];
}
