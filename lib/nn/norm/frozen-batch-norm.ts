import {
  missingMethod,
  requireBoolean,
  requireOptions,
  requirePositive,
  wrongType,
} from '../../validation/errors.js';
import type { JsonReader } from '../../json/json-reader.js';
import { batchNormFrozen } from '../../ops/batch-norm.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { type RandomSource, type ShapeOf, type TapeOf, type Tensor } from '../../core/tensor.js';
import { ChannelNorm, isChannelNorm, readAxes } from './channel-norm.js';
import type { AxesProblem, SpatialAxes } from './axes.js';
import type { SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription, layerType } from '../layer-description.js';
import { notePasses, runsAsDefined } from '../compose/fusion.js';
import { type StoredNumber, storedNumbers } from '../npz-members.js';
import { readTensors } from '../read-tensors.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Settings of a new frozen batch norm layer. */
export interface FrozenBatchNormOptions<A extends boolean = boolean, L extends boolean = boolean> {
  /** Added to the variance before taking the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether scale and bias receive gradients and are updated. Default false. */
  readonly trainable?: boolean;
  /** Whether the layer has `scale` and `bias`. Default true. */
  readonly affine?: A;
  /** Whether the channels are the last axis, as in `BatchNormOptions`. Default false. */
  readonly channelsLast?: L;
}

/**
 * Base class of `FrozenBatchNorm1D`, `FrozenBatchNorm2D` and `FrozenBatchNorm3D`: batch norm for fine-tuning,
 * which normalizes with its running statistics in training, too, and never changes them. Gradients pass
 * through to x and, if `trainable`, reach scale and bias.
 */
export abstract class FrozenBatchNorm<
  C extends number,
  D extends SpatialAxes,
  A extends boolean = true,
  L extends boolean = false,
> extends ChannelNorm<C, D, A, L> {
  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Whether scale and bias get gradients and are updated. */
  readonly trainable: boolean;

  /** @param layer Name of the class in messages. */
  protected constructor(
    layer: string,
    channels: C,
    axes: D,
    options: FrozenBatchNormOptions<A, L> | undefined,
  ) {
    const given = requireOptions('options', options, ['epsilon', 'trainable', 'affine', 'channelsLast']);
    super(layer, channels, axes, given);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    const { trainable = false } = given;
    this.trainable = requireBoolean('trainable', trainable);
  }

  /**
   * Computes (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias.
   *
   * @param x Of a shape that the class accepts, with or without a tape.
   * @returns The same shape, with the same tape.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, AxesProblem<ShapeOf<X>, C, D, L>>,
  ): SameShapeAs<X, TapeOf<X>> {
    const input = requireTensor('x', x);
    const image = readAxes(input, this);
    return batchNormFrozen(input, image, this, this.trainable) as SameShapeAs<X, TapeOf<X>>;
  }

  /** All four tensors, unless scale and bias are `trainable`. */
  protected override buffers(): readonly string[] {
    return this.trainable ? super.buffers() : ['scale', 'bias', ...super.buffers()];
  }

  /** Changes nothing: resetting a network keeps its frozen layers. */
  protected override initialize(_rng: RandomSource): void {
    // frozen
  }

  /** @internal */
  override [storedNumbers](): readonly StoredNumber[] {
    // Files of a `BatchNorm2D` have these, too.
    const others = ['momentum', 'num_batches_tracked'].map((name): StoredNumber => ({
      name,
      expected: 'a number',
      fits: () => true,
      value: NaN,
      written: false,
      set: undefined,
    }));
    return [...others, ...super[storedNumbers]()];
  }

  /** Reads settings, except `trainable`, and tensors from the JSON of a layer of the same class, in place. */
  protected readJson(reader: JsonReader): void {
    this.epsilon = requirePositive(reader.place('epsilon'), reader.field('epsilon'));
    readTensors(this, reader);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const own = super[describeLayer]();
    return { ...own, details: { ...own.details, trainable: this.trainable } };
  }
}

/**
 * The options of the frozen copy of a layer.
 * @throws TypeError for another kind of layer, or one whose passes the copy would not have.
 */
export function frozenOptions<C extends number, D extends SpatialAxes, A extends boolean, L extends boolean>(
  other: ChannelNorm<C, D, A, L>,
  axes: D,
  options: Pick<FrozenBatchNormOptions, 'trainable'> | undefined,
): FrozenBatchNormOptions<A, L> {
  if (!isChannelNorm(other, axes))
    throw wrongType('other', `a BatchNorm${axes}D or FrozenBatchNorm${axes}D`, other);
  if (!runsAsDefined(other)) {
    throw missingMethod(
      'forward',
      layerType(other),
      ' of its class, but it is another one, which a frozen copy would lack',
    );
  }
  const { trainable = false } = requireOptions('options', options, ['trainable']);
  return {
    trainable: trainable as boolean,
    affine: (other.scale !== undefined) as A,
    channelsLast: other.channelsLast,
  };
}
