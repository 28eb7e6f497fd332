import { JsonReader } from '../../json/json-reader.js';
import type { Columns, Pair, Rows } from '../../core/pair.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { Quotient } from '../../core/window-size.js';
import { convTranspose2d } from '../../ops/conv-transpose-2d.js';
import { requireTensor } from '../../ops/operand.js';
import type { Sides2D } from '../../ops/padding.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { convolutionSettings, readConvolution, transposedImageRules } from './convolution-settings.js';
import { Convolution, type ConvolutionOptions } from './convolution.js';
import type { TransposedImages, TransposedImagesProblem } from './transposed-size.js';

/** Settings of a new `ConvTranspose2D`. */
export interface ConvTranspose2DOptions<
  S extends Pair = Pair,
  P extends Sides2D = Sides2D,
  Q extends Pair = Pair,
  D extends Pair = Pair,
  G extends number = number,
> extends ConvolutionOptions<G> {
  /** Rows and columns between the results of neighboring pixels. Default 1. */
  readonly stride?: S;
  /**
   * Rows and columns that are cut off on the sides of the result: a number, [rows, columns] or [top, left, bottom, right].
   * Default 0.
   */
  readonly padding?: P;
  /**
   * Further rows at the bottom and columns to the right of the result, less than the stride or the dilation: convolutions of
   * images of several sizes have results of the same size, and this chooses among them. Default 0.
   */
  readonly outputPadding?: Q;
  /** Rows and columns between neighboring results of a pixel. Default 1. */
  readonly dilation?: D;
}

/** Turns images of I channels into images of O channels. */
interface TransposedRule<
  I extends number,
  O extends number,
  K extends Pair,
  S extends Pair,
  P extends Sides2D,
  Q extends Pair,
  D extends Pair,
> extends ShapeRule {
  readonly accepts: readonly [number, I, number, number] | readonly [I, number, number];
  readonly output: TransposedImages<this['input'], O, K, S, P, Q, D>;
  readonly problem: TransposedImagesProblem<this['input'], I, K, S, P, Q, D>;
}

/** Any `ConvTranspose2D`. */
export type AnyConvTranspose2D = ConvTranspose2D<number, number, Pair, Pair, Sides2D, Pair, Pair, number>;

/**
 * Transposed convolution of images, as PyTorch's `ConvTranspose2d`, which enlarges them with a stride above 1: pixel
 * x[n][i][r][c] times weight[i][o][s][t] is added to y[n][o][r * stride - padding + s * dilation][c * stride - padding + t *
 * dilation], and a bias to every pixel. It is the input gradient of a `Conv2D` with the same weight.
 *
 * @example
 * const up = new ConvTranspose2D(16, 8, 4, { stride: 2, padding: 1 });
 * up.forward(Tensor.zeros([4, 16, 14, 14])); // Tensor4D<4, 8, 28, 28>
 */
export class ConvTranspose2D<
  I extends number,
  O extends number,
  const K extends Pair,
  const S extends Pair = 1,
  const P extends Sides2D = 0,
  const Q extends Pair = 0,
  const D extends Pair = 1,
  G extends number = 1,
> extends Convolution<readonly [I, Quotient<O, G>, Rows<K>, Columns<K>], O, G, S, P, D> {
  /** @internal */
  static readonly type = 'ConvTranspose2D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Further rows at the bottom and columns to the right of the result. */
  readonly outputPadding: Q;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: TransposedRule<I, O, K, S, P, Q, D>;

  /**
   * @param inChannels Number of input channels, I.
   * @param outChannels Number of output channels, O.
   * @param kernelSize Height and width of the kernel, K, or [height, width].
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inChannels: I, outChannels: O, kernelSize: K, options?: ConvTranspose2DOptions<S, P, Q, D, G>) {
    if (arguments.length > 4) requireNoSurplus(`new ${new.target.name}`, 4, arguments);
    const settings = convolutionSettings(transposedImageRules, kernelSize, options);
    super('ConvTranspose2D', inChannels, outChannels, settings);
    this.outputPadding = settings.outputPadding as Q;
  }

  /**
   * @param x [I, H, W] or [N, I, H, W], with or without a tape.
   * @returns [O, H', W'] or [N, O, H', W'] with the same tape, H' = (H - 1) * stride - top - bottom + dilation * (K - 1) +
   * outputPadding + 1 and W' likewise.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, TransposedImagesProblem<ShapeOf<X>, I, K, S, P, Q, D>>,
  ): Tensor<TransposedImages<ShapeOf<X>, O, K, S, P, Q, D>, TapeOf<X>> {
    return convTranspose2d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): AnyConvTranspose2D {
    return ConvTranspose2D.read(new JsonReader('json', json, 'ConvTranspose2D'));
  }

  /** @internal */
  static read(reader: JsonReader): AnyConvTranspose2D {
    return readConvolution(reader, transposedImageRules, (...args) => new ConvTranspose2D(...args));
  }
}
