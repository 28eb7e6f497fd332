import { JsonReader } from '../../json/json-reader.js';
import type { Columns, Pair, Rows } from '../../core/pair.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { Quotient } from '../../core/window-size.js';
import { conv2d } from '../../ops/conv2d.js';
import { requireTensor } from '../../ops/operand.js';
import type { Padding2D } from '../../ops/padding.js';
import type { ConvolvedShape, KernelProblem } from './convolved-size.js';
import { convolutionSettings, readConvolution, imageRules } from './convolution-settings.js';
import { Convolution, type ConvolutionOptions } from './convolution.js';
import type { ImageProblem } from '../input.js';
import { notePasses } from '../compose/fusion.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `Conv2D`. */
export interface Conv2DOptions<
  S extends Pair = Pair,
  P extends Padding2D = Padding2D,
  D extends Pair = Pair,
  G extends number = number,
> extends ConvolutionOptions<G> {
  /** Number of rows and columns between neighboring positions of the kernel. Default 1. */
  readonly stride?: S;
  /**
   * Rows and columns of zeros on each side of the image: a number, [rows, columns], [top, left, bottom, right], or `'same'`,
   * with which a stride of 1 keeps height and width. If `'same'` needs an odd number of rows or columns, there is one more
   * at the bottom or to the right, as in PyTorch. Default 0.
   */
  readonly padding?: P;
  /** Number of rows and columns between neighboring pixels that the kernel reads. Default 1. */
  readonly dilation?: D;
}

/** The problem with shape X for a convolution, or never. */
export type ConvolutionProblem<X, I extends number, K extends Pair, P extends Padding2D, D extends Pair> =
  ImageProblem<X, I> extends never ? KernelProblem<X, K, P, D> : ImageProblem<X, I>;

/** Turns images of I channels into images of O channels. */
interface ConvolutionRule<
  I extends number,
  O extends number,
  K extends Pair,
  S extends Pair,
  P extends Padding2D,
  D extends Pair,
> extends ShapeRule {
  readonly accepts: readonly [number, I, number, number] | readonly [I, number, number];
  readonly output: ConvolvedShape<this['input'], O, K, S, P, D>;
  readonly problem: ConvolutionProblem<this['input'], I, K, P, D>;
}

/** Any `Conv2D`. */
export type AnyConv2D = Conv2D<number, number, Pair, Pair, Padding2D, Pair, number>;

/**
 * Convolution of images (a cross-correlation: kernels are not flipped), as dfdx 0.10's `Conv2D<IN_CHAN, OUT_CHAN,
 * KERNEL_SIZE, STRIDE, PADDING>` and PyTorch's `Conv2d`: y[n][o][r][c] = bias[o] + the sum over i, s, t of
 * weight[o][i][s][t] * x[n][i][r * stride - padding + s * dilation][c * stride - padding + t * dilation], where i runs over
 * the input channels of the group of o.
 *
 * @example
 * const conv = new Conv2D(3, 16, 3, { padding: 1, bias: false });
 * conv.forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 16, 32, 32>
 * const depthwise = new Conv2D(16, 16, [3, 5], { padding: 'same', groups: 16 });
 */
export class Conv2D<
  I extends number,
  O extends number,
  const K extends Pair,
  const S extends Pair = 1,
  const P extends Padding2D = 0,
  const D extends Pair = 1,
  G extends number = 1,
> extends Convolution<readonly [O, Quotient<I, G>, Rows<K>, Columns<K>], O, G, S, P, D> {
  /** @internal */
  static readonly type = 'Conv2D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ConvolutionRule<I, O, K, S, P, D>;

  /**
   * @param inChannels Number of input channels, I.
   * @param outChannels Number of output channels, O.
   * @param kernelSize Height and width of the kernel, K, or [height, width].
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inChannels: I, outChannels: O, kernelSize: K, options?: Conv2DOptions<S, P, D, G>) {
    if (arguments.length > 4) requireNoSurplus(`new ${new.target.name}`, 4, arguments);
    super('Conv2D', inChannels, outChannels, convolutionSettings(imageRules, kernelSize, options));
  }

  /**
   * @param x [I, H, W] or [N, I, H, W], with or without a tape.
   * @returns [O, H', W'] or [N, O, H', W'] with the same tape, H' = floor((H + top + bottom - dilation * (K - 1) - 1) /
   * stride) + 1 and W' likewise.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ConvolutionProblem<ShapeOf<X>, I, K, P, D>>,
  ): Tensor<ConvolvedShape<ShapeOf<X>, O, K, S, P, D>, TapeOf<X>> {
    return conv2d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): AnyConv2D {
    return Conv2D.read(new JsonReader('json', json, 'Conv2D'));
  }

  /** @internal */
  static read(reader: JsonReader): AnyConv2D {
    return readConvolution(reader, imageRules, (...args) => new Conv2D(...args));
  }
}
