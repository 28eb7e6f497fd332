import { JsonReader } from '../../json/json-reader.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { Quotient } from '../../core/window-size.js';
import { conv1d } from '../../ops/conv1d.js';
import { requireTensor } from '../../ops/operand.js';
import type { Padding1D } from '../../ops/padding.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { convolutionSettings, readConvolution, signalRules } from './convolution-settings.js';
import { Convolution, type ConvolutionOptions } from './convolution.js';
import type { ConvolutionProblem1D, ConvolvedSignal, SignalsOf } from './convolved-signal.js';

/** Settings of a new `Conv1D`. */
export interface Conv1DOptions<
  S extends number = number,
  P extends Padding1D = Padding1D,
  D extends number = number,
  G extends number = number,
> extends ConvolutionOptions<G> {
  /** Number of values between neighboring positions of the kernel. Default 1. */
  readonly stride?: S;
  /**
   * Zeros on each side of the signal: a number, [left, right], or `'same'`, with which a stride of 1 keeps the length. If
   * `'same'` needs an odd number of zeros, there is one more to the right, as in PyTorch. Default 0.
   */
  readonly padding?: P;
  /** Number of values between neighboring values that the kernel reads. Default 1. */
  readonly dilation?: D;
}

/** Turns signals of I channels into signals of O channels. */
interface ConvolutionRule<
  I extends number,
  O extends number,
  K extends number,
  S extends number,
  P extends Padding1D,
  D extends number,
> extends ShapeRule {
  readonly accepts: SignalsOf<I>;
  readonly output: ConvolvedSignal<this['input'], O, K, S, P, D>;
  readonly problem: ConvolutionProblem1D<this['input'], I, K, P, D>;
}

/** Any `Conv1D`. */
export type AnyConv1D = Conv1D<number, number, number, number, Padding1D, number, number>;

/**
 * Convolution of signals (a cross-correlation: kernels are not flipped), as PyTorch's `Conv1d`: y[n][o][l] = bias[o] + the sum
 * over i, t of weight[o][i][t] * x[n][i][l * stride - padding + t * dilation], where i runs over the input channels of the
 * group of o.
 *
 * @example
 * const conv = new Conv1D(2, 16, 5, { padding: 'same' });
 * conv.forward(Tensor.zeros([8, 2, 100])); // Tensor3D<8, 16, 100>
 * const causal = new Conv1D(16, 16, 3, { padding: [2, 0] }); // reads no later values
 */
export class Conv1D<
  I extends number,
  O extends number,
  K extends number,
  S extends number = 1,
  const P extends Padding1D = 0,
  D extends number = 1,
  G extends number = 1,
> extends Convolution<readonly [O, Quotient<I, G>, K], O, G, S, P, D> {
  /** @internal */
  static readonly type = 'Conv1D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ConvolutionRule<I, O, K, S, P, D>;

  /**
   * @param inChannels Number of input channels, I.
   * @param outChannels Number of output channels, O.
   * @param kernelSize Length of the kernel, K.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inChannels: I, outChannels: O, kernelSize: K, options?: Conv1DOptions<S, P, D, G>) {
    if (arguments.length > 4) requireNoSurplus(`new ${new.target.name}`, 4, arguments);
    super('Conv1D', inChannels, outChannels, convolutionSettings(signalRules, kernelSize, options));
  }

  /**
   * @param x [I, L] or [N, I, L], with or without a tape.
   * @returns [O, L'] or [N, O, L'] with the same tape, L' = floor((L + left + right - dilation * (K - 1) - 1) / stride) + 1.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ConvolutionProblem1D<ShapeOf<X>, I, K, P, D>>,
  ): Tensor<ConvolvedSignal<ShapeOf<X>, O, K, S, P, D>, TapeOf<X>> {
    return conv1d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): AnyConv1D {
    return Conv1D.read(new JsonReader('json', json, 'Conv1D'));
  }

  /** @internal */
  static read(reader: JsonReader): AnyConv1D {
    return readConvolution(reader, signalRules, (...args) => new Conv1D(...args));
  }
}
