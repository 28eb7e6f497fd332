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
  /** Rows and columns from one place of the kernel to the next. Default 1. */
  readonly stride?: S;
  /** Rows and columns of zeros around the image. Default 0. */
  readonly padding?: P;
  /** Whether a bias is added. Default true, as in dfdx 0.10; false before batch norm, which takes the mean away. */
  readonly bias?: boolean;
  /** Where the initial weights come from. Default `Math.random`. */
  readonly rng?: RandomSource;
}

/** What is wrong with an image for a convolution; never where nothing is. */
export type ConvolutionProblem<X, I extends number, K extends number, P extends number> =
  ImageProblem<X, I> extends never ? KernelProblem<X, K, P> : ImageProblem<X, I>;

/** Images of I channels become images of O channels. */
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
 * Convolution of images with square kernels (a cross-correlation: kernels are not turned around), as dfdx 0.10's
 * `Conv2D<IN_CHAN, OUT_CHAN, KERNEL_SIZE, STRIDE, PADDING>`: y[n][o][r][c] = bias[o] + the sum over i, s, t of
 * weight[o][i][s][t] * x[n][i][r * stride - padding + s][c * stride - padding + t].
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

  /** [O, I, K, K]; begins uniform in +-1/sqrt(I K K). */
  readonly weight: Tensor4D<O, I, K, K>;
  /** [O]; begins likewise. Undefined in a layer without bias. */
  readonly bias: Tensor1D<O> | undefined;
  /** Rows and columns from one place of the kernel to the next. */
  readonly stride: S;
  /** Rows and columns of zeros around the image. */
  readonly padding: P;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ConvolutionRule<I, O, K, S, P>;

  /**
   * @param inChannels I.
   * @param outChannels O.
   * @param kernelSize K, rows and columns of the kernel.
   * @throws TypeError or RangeError naming the argument that is wrong.
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
   * @param x [I, H, W] or [N, I, H, W], with a tape or without.
   * @returns [O, H', W'] or [N, O, H', W'] with the same tape, H' = floor((H + 2 padding - K) / stride) + 1.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ConvolutionProblem<ShapeOf<X>, I, K, P>>,
  ): Tensor<ConvolvedShape<ShapeOf<X>, O, K, S, P>, TapeOf<X>> {
    return conv2d(requireTensor('x', x), this.weight, this.bias, this);
  }

  /** Uniform in +-1/sqrt(I K K). */
  protected override initialize(rng: RandomSource): void {
    drawUniform(this, rng);
  }

  /**
   * A layer like the one that `toJSON` was called on.
   * @param json What `JSON.parse` returned.
   * @throws TypeError or RangeError naming the field that is wrong.
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
