import { type RandomSource, storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import { columnsOf, type Pair, requirePair, rowsOf } from '../../core/pair.js';
import { requireRandomSource } from '../../core/random-source.js';
import type { Shape } from '../../core/shape.js';
import { maxElements, requireSize } from '../../core/values.js';
import { requireGroups } from '../../ops/convolution.js';
import { orDefault, requireBoolean, requirePositiveInteger, wrongValue } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { BaseModule } from '../base-module.js';
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

/** The base of convolutions: a weight, and a bias for each of O output channels. */
export abstract class Convolution<W extends Shape, O extends number, G extends number> extends BaseModule {
  static {
    guardMethods(this);
  }

  /** Kernels; initially uniform in ±1/sqrt(n), where n is the product of all axes but the first. */
  readonly weight: Tensor<W>;
  /** Bias, [O]; initially from the same distribution. Undefined in a layer without bias. */
  readonly bias: Tensor1D<O> | undefined;
  /** Number of groups of channels. */
  readonly groups: G;

  /**
   * @param layer Name of the class in messages.
   * @param given The options, of which the names are checked.
   * @param weightShape The shape of the weight for a number of groups that divides both kinds of channels.
   */
  protected constructor(
    layer: string,
    inChannels: number,
    outChannels: O,
    given: Readonly<Record<string, unknown>>,
    weightShape: (groups: number) => Shape,
  ) {
    super();
    requireSize('inChannels', inChannels);
    requireSize('outChannels', outChannels);
    this.groups = requirePositiveInteger('groups', orDefault(given.groups, 1)) as G;
    requireGroups('inChannels', this.groups, inChannels);
    requireGroups('outChannels', this.groups, outChannels);
    const rng = requireRandomSource('rng', orDefault(given.rng, Math.random));
    const biased = requireBoolean('bias', orDefault(given.bias, true));
    this.weight = named(layer, 'weight', Tensor.zeros(weightShape(this.groups))) as unknown as Tensor<W>;
    this.bias = biased ? named(layer, 'bias', Tensor.zeros([outChannels])) : undefined;
    drawUniform(this, rng);
  }

  /** Draws both tensors uniformly from ±1/sqrt(n). */
  protected override initialize(rng: RandomSource): void {
    drawUniform(this, rng);
  }
}

/** Checks the size of a kernel. */
export function requireKernelSize(argument: string, value: unknown): Pair {
  const kernel = requirePair(argument, value, 1);
  if (rowsOf(kernel) * columnsOf(kernel) > maxElements) {
    throw wrongValue(argument, `at most ${maxElements} pixels`, `${rowsOf(kernel)} x ${columnsOf(kernel)}`);
  }
  return kernel;
}

function named<S extends Shape>(layer: string, name: string, tensor: Tensor<S>): Tensor<S> {
  storageOf(tensor).label = `${name} of ${layer}`;
  return tensor;
}

function drawUniform({ weight, bias }: Convolution<Shape, number, number>, rng: RandomSource): void {
  const bound = 1 / Math.sqrt(storageOf(weight).values.length / weight.shape[0]);
  drawParameters(bias === undefined ? [weight] : [weight, bias], bound, rng);
}
