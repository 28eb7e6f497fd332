import { type RandomSource, storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import type { Pair } from '../../core/pair.js';
import { requireRandomSource } from '../../core/random-source.js';
import type { Shape } from '../../core/shape.js';
import { requireSize } from '../../core/values.js';
import { requireGroups } from '../../ops/convolution.js';
import type { Padding2D } from '../../ops/padding.js';
import { orDefault, requireBoolean, requirePositiveInteger } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { BaseModule } from '../base-module.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { type ConvolutionSettings, describeConvolution } from './convolution-settings.js';
import { drawParameters } from './draw-parameters.js';

/** Settings that every convolution has. */
export interface ConvolutionOptions<G extends number = number> {
  /**
   * Number of groups into which both kinds of channels are divided; output channels read only the input channels of
   * their group. As many groups as input channels make a depthwise convolution. Default 1.
   */
  readonly groups?: G;
  /**
   * Whether to add a bias. Default true, as in dfdx 0.10. Use false before batch norm, which subtracts the
   * mean.
   */
  readonly bias?: boolean;
  /** Generator of the initial weights. Default `Math.random`. */
  readonly rng?: RandomSource;
}

/** The base of convolutions of signals and images: a weight, and a bias for each of O output channels. */
export abstract class Convolution<
  W extends Shape,
  O extends number,
  G extends number,
  S extends Pair,
  P extends Padding2D,
  D extends Pair,
> extends BaseModule {
  static {
    guardMethods(this);
  }

  /** Kernels; initially uniform in ±1/sqrt(n), where n is the product of all axes but the first. */
  readonly weight: Tensor<W>;
  /** Bias, [O]; initially from the same distribution. Undefined in a layer without bias. */
  readonly bias: Tensor1D<O> | undefined;
  /** Number of groups of channels. */
  readonly groups: G;
  /** Distances that a kernel moves: along a signal, or along the rows and columns of an image. */
  readonly stride: S;
  /** Zeros around the input. A transposed convolution cuts off as much of its result. */
  readonly padding: P;
  /** Distances between neighboring values of the input that a kernel reads, or of the result that it adds to. */
  readonly dilation: D;

  /** @param layer Name of the class in messages. */
  protected constructor(
    layer: string,
    inChannels: number,
    outChannels: O,
    { given, kernelShape, stride, padding, dilation, outputPadding }: ConvolutionSettings,
  ) {
    super();
    this.stride = stride as S;
    this.padding = padding as P;
    this.dilation = dilation as D;
    requireSize('inChannels', inChannels);
    requireSize('outChannels', outChannels);
    this.groups = requirePositiveInteger('groups', orDefault(given.groups, 1)) as G;
    requireGroups('inChannels', this.groups, inChannels);
    requireGroups('outChannels', this.groups, outChannels);
    const rng = requireRandomSource('rng', orDefault(given.rng, Math.random));
    const biased = requireBoolean('bias', orDefault(given.bias, true));
    const channels =
      outputPadding === undefined
        ? [outChannels, inChannels / this.groups]
        : [inChannels, outChannels / this.groups];
    const weight = Tensor.zeros([...channels, ...kernelShape]);
    this.weight = named(layer, 'weight', weight) as unknown as Tensor<W>;
    this.bias = biased ? named(layer, 'bias', Tensor.zeros([outChannels])) : undefined;
    drawUniform(this, rng);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return describeConvolution(this);
  }

  /** Draws both tensors uniformly from ±1/sqrt(n). */
  protected override initialize(rng: RandomSource): void {
    drawUniform(this, rng);
  }
}

type AnyConvolution = Convolution<Shape, number, number, Pair, Padding2D, Pair>;

function named<S extends Shape>(layer: string, name: string, tensor: Tensor<S>): Tensor<S> {
  storageOf(tensor).label = `${name} of ${layer}`;
  return tensor;
}

function drawUniform({ weight, bias }: Pick<AnyConvolution, 'weight' | 'bias'>, rng: RandomSource): void {
  const bound = 1 / Math.sqrt(storageOf(weight).values.length / weight.shape[0]);
  drawParameters(bias === undefined ? [weight] : [weight, bias], bound, rng);
}
