import { JsonReader } from '../../json/json-reader.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { Quotient } from '../../core/window-size.js';
import { convTranspose1d } from '../../ops/conv-transpose-1d.js';
import { requireTensor } from '../../ops/operand.js';
import type { Sides1D } from '../../ops/padding.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { convolutionSettings, readConvolution, transposedSignalRules } from './convolution-settings.js';
import { Convolution, type ConvolutionOptions } from './convolution.js';
import type { SignalsOf } from './convolved-signal.js';
import type { TransposedSignals, TransposedSignalsProblem } from './transposed-size.js';

/** Settings of a new `ConvTranspose1D`. */
export interface ConvTranspose1DOptions<
  S extends number = number,
  P extends Sides1D = Sides1D,
  Q extends number = number,
  D extends number = number,
  G extends number = number,
> extends ConvolutionOptions<G> {
  /** Number of values between the results of neighboring values. Default 1. */
  readonly stride?: S;
  /** Number of values that are cut off on the sides of the result, or [left, right]. Default 0. */
  readonly padding?: P;
  /** Further values at the end of the result, less than the stride or the dilation. Default 0. */
  readonly outputPadding?: Q;
  /** Number of values between neighboring results of a value. Default 1. */
  readonly dilation?: D;
}

/** Turns signals of I channels into signals of O channels. */
interface TransposedRule<
  I extends number,
  O extends number,
  K extends number,
  S extends number,
  P extends Sides1D,
  Q extends number,
  D extends number,
> extends ShapeRule {
  readonly accepts: SignalsOf<I>;
  readonly output: TransposedSignals<this['input'], O, K, S, P, Q, D>;
  readonly problem: TransposedSignalsProblem<this['input'], I, K, S, P, Q, D>;
}

/** Any `ConvTranspose1D`. */
export type AnyConvTranspose1D = ConvTranspose1D<
  number,
  number,
  number,
  number,
  Sides1D,
  number,
  number,
  number
>;

/**
 * Transposed convolution of signals, as PyTorch's `ConvTranspose1d`, which makes them longer with a stride above 1: x[n][i][l]
 * times weight[i][o][t] is added to y[n][o][l * stride - padding + t * dilation], and a bias to every value.
 *
 * @example
 * const up = new ConvTranspose1D(16, 8, 4, { stride: 2, padding: 1 });
 * up.forward(Tensor.zeros([4, 16, 50])); // Tensor3D<4, 8, 100>
 */
export class ConvTranspose1D<
  I extends number,
  O extends number,
  K extends number,
  S extends number = 1,
  const P extends Sides1D = 0,
  Q extends number = 0,
  D extends number = 1,
  G extends number = 1,
> extends Convolution<readonly [I, Quotient<O, G>, K], O, G, S, P, D> {
  /** @internal */
  static readonly type = 'ConvTranspose1D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Further values at the end of the result. */
  readonly outputPadding: Q;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: TransposedRule<I, O, K, S, P, Q, D>;

  /**
   * @param inChannels Number of input channels, I.
   * @param outChannels Number of output channels, O.
   * @param kernelSize Length of the kernel, K.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inChannels: I, outChannels: O, kernelSize: K, options?: ConvTranspose1DOptions<S, P, Q, D, G>) {
    if (arguments.length > 4) requireNoSurplus(`new ${new.target.name}`, 4, arguments);
    const settings = convolutionSettings(transposedSignalRules, kernelSize, options);
    super('ConvTranspose1D', inChannels, outChannels, settings);
    this.outputPadding = settings.outputPadding as Q;
  }

  /**
   * @param x [I, L] or [N, I, L], with or without a tape.
   * @returns [O, L'] or [N, O, L'] with the same tape, L' = (L - 1) * stride - left - right + dilation * (K - 1) + outputPadding
   * + 1.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, TransposedSignalsProblem<ShapeOf<X>, I, K, S, P, Q, D>>,
  ): Tensor<TransposedSignals<ShapeOf<X>, O, K, S, P, Q, D>, TapeOf<X>> {
    return convTranspose1d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): AnyConvTranspose1D {
    return ConvTranspose1D.read(new JsonReader('json', json, 'ConvTranspose1D'));
  }

  /** @internal */
  static read(reader: JsonReader): AnyConvTranspose1D {
    return readConvolution(reader, transposedSignalRules, (...args) => new ConvTranspose1D(...args));
  }
}
