import {
  orDefault,
  requireBoolean,
  requireOptions,
  requirePositiveInteger,
} from '../../validation/errors.js';
import { JsonReader } from '../../json/json-reader.js';
import { conv2d, requirePadding } from '../../ops/conv2d.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import {
  type RandomSource,
  type ShapeOf,
  storageOf,
  type TapeOf,
  Tensor,
  type Tensor1D,
  type Tensor4D,
} from '../../core/tensor.js';
import { requireRandomSource } from '../../core/random-source.js';
import { drawParameters } from './draw-parameters.js';
import { requireSize } from '../../core/values.js';
import type { ConvolvedShape, KernelProblem } from './convolved-size.js';
import type { ImageProblem } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { BaseModule } from '../base-module.js';
import { notePasses } from '../compose/fusion.js';
import { readTensors } from '../read-tensors.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `Conv2D`. */
export interface Conv2DOptions<S extends number = number, P extends number = number> {
  /** Number of rows and columns between neighbouring positions of the kernel. Default 1. */
  readonly stride?: S;
  /** Number of rows and columns of zeros on each side of the image. Default 0. */
  readonly padding?: P;
  /**
   * Whether to add a bias. Default true, as in dfdx 0.10. Use false before batch norm, which subtracts the
   * mean.
   */
  readonly bias?: boolean;
  /** Generator of the initial weights. Default `Math.random`. */
  readonly rng?: RandomSource;
}

/** The problem with shape X for a convolution, or never. */
export type ConvolutionProblem<X, I extends number, K extends number, P extends number> =
  ImageProblem<X, I> extends never ? KernelProblem<X, K, P> : ImageProblem<X, I>;

/** Turns images of I channels into images of O channels. */
interface ConvolutionRule<
  I extends number,
  O extends number,
  K extends number,
  S extends number,
  P extends number,
> extends ShapeRule {
  readonly accepts: readonly [number, I, number, number] | readonly [I, number, number];
  readonly output: ConvolvedShape<this['input'], O, K, S, P>;
  readonly problem: ConvolutionProblem<this['input'], I, K, P>;
}

/**
 * Convolution of images with square kernels (a cross-correlation: kernels are not flipped), as dfdx 0.10's
 * `Conv2D<IN_CHAN, OUT_CHAN, KERNEL_SIZE, STRIDE, PADDING>`: y[n][o][r][c] = bias[o] + the sum over i, s, t
 * of weight[o][i][s][t] * x[n][i][r * stride - padding + s][c * stride - padding + t].
 *
 * @example
 * const conv = new Conv2D(3, 16, 3, { padding: 1, bias: false });
 * conv.forward(Tensor.zeros([8, 3, 32, 32])); // Tensor4D<8, 16, 32, 32>
 */
export class Conv2D<
  I extends number,
  O extends number,
  K extends number,
  S extends number = 1,
  P extends number = 0,
> extends BaseModule {
  /** @internal */
  static readonly type = 'Conv2D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Kernels, [O, I, K, K]; initially uniform in ±1/sqrt(I K K). */
  readonly weight: Tensor4D<O, I, K, K>;
  /** Bias, [O]; initially from the same distribution. Undefined in a layer without bias. */
  readonly bias: Tensor1D<O> | undefined;
  /** Number of rows and columns between neighbouring positions of the kernel. */
  readonly stride: S;
  /** Number of rows and columns of zeros on each side of the image. */
  readonly padding: P;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ConvolutionRule<I, O, K, S, P>;

  /**
   * @param inChannels Number of input channels, I.
   * @param outChannels Number of output channels, O.
   * @param kernelSize Height and width of the kernel, K.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(inChannels: I, outChannels: O, kernelSize: K, options?: Conv2DOptions<S, P>) {
    if (arguments.length > 4) requireNoSurplus(`new ${new.target.name}`, 4, arguments);
    super();
    requireSize('inChannels', inChannels);
    requireSize('outChannels', outChannels);
    requireSize('kernelSize', kernelSize);
    const given = requireOptions('options', options, ['stride', 'padding', 'bias', 'rng']);
    this.stride = requirePositiveInteger('stride', orDefault(given.stride, 1)) as S;
    this.padding = requirePadding('padding', orDefault(given.padding, 0)) as P;
    const rng = requireRandomSource('rng', orDefault(given.rng, Math.random));
    const biased = requireBoolean('bias', orDefault(given.bias, true));
    this.weight = named('weight', Tensor.zeros([outChannels, inChannels, kernelSize, kernelSize]));
    this.bias = biased ? named('bias', Tensor.zeros([outChannels])) : undefined;
    drawUniform(this, rng);
  }

  /**
   * @param x [I, H, W] or [N, I, H, W], with or without a tape.
   * @returns [O, H', W'] or [N, O, H', W'] with the same tape, H' = floor((H + 2 padding - K) / stride) + 1
   * and W' likewise.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ConvolutionProblem<ShapeOf<X>, I, K, P>>,
  ): Tensor<ConvolvedShape<ShapeOf<X>, O, K, S, P>, TapeOf<X>> {
    return conv2d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /** Draws both tensors uniformly from ±1/sqrt(I K K). */
  protected override initialize(rng: RandomSource): void {
    drawUniform(this, rng);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): Conv2D<number, number, number, number, number> {
    return Conv2D.read(new JsonReader('json', json, 'Conv2D'));
  }

  /** @internal */
  static read(reader: JsonReader): Conv2D<number, number, number, number, number> {
    const inChannels = reader.integer('inChannels', 1);
    const outChannels = reader.integer('outChannels', 1);
    const kernelSize = reader.integer('kernelSize', 1);
    reader.array('weight', outChannels * inChannels * kernelSize * kernelSize);
    const layer = new Conv2D(inChannels, outChannels, kernelSize, {
      stride: reader.integer('stride', 1),
      padding: reader.integer('padding', 0),
      bias: reader.field('bias') !== undefined,
      rng: () => 0.5,
    });
    readTensors(layer, reader);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const [outChannels, inChannels, kernelSize] = this.weight.shape;
    return {
      sizes: { inChannels, outChannels, kernelSize },
      settings: { stride: this.stride, padding: this.padding },
    };
  }
}

function named<S extends Shape>(name: string, tensor: Tensor<S>): Tensor<S> {
  storageOf(tensor).label = `${name} of Conv2D`;
  return tensor;
}

function drawUniform(layer: Conv2D<number, number, number, number, number>, rng: RandomSource): void {
  const { weight, bias } = layer;
  const [, inChannels, kernelSize] = weight.shape;
  const bound = 1 / Math.sqrt(inChannels * kernelSize * kernelSize);
  drawParameters(bias === undefined ? [weight] : [weight, bias], bound, rng);
}
