import { requireBoolean, requireOptions, requirePositive } from '../../validation/errors.js';
import { JsonReader } from '../../json/json-reader.js';
import { requireReader } from '../../io/npz/archive-arguments.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import { batchNormFrozen } from '../../ops/batch-norm.js';
import { requireTensor } from '../../ops/operand.js';
import type { GradientProvider, UnusedTensors } from '../../optim/gradient-provider.js';
import { updateParameter } from '../../optim/update-parameter.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { type RandomSource, type ShapeOf, storageOf, type TapeOf, type Tensor } from '../../core/tensor.js';
import { ChannelNorm } from './channel-norm.js';
import type { ImageProblem, SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { CanUpdateWithGradients } from '../module.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `FrozenBatchNorm2D`. */
export interface FrozenBatchNorm2DOptions {
  /** Added to the variance before the root is taken. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether scale and bias get gradients and are updated. Default false. */
  readonly trainable?: boolean;
}

/**
 * Batch norm for fine-tuning: normalizes with its running statistics in training, too, and never moves
 * them. Gradients pass through to x and, where `trainable`, reach scale and bias.
 *
 * @example
 * const frozen = pretrained.freeze();
 * const y = frozen.forward(x.trace());
 */
export class FrozenBatchNorm2D<C extends number> extends ChannelNorm<C> implements CanUpdateWithGradients {
  /** @internal */
  static readonly type = 'FrozenBatchNorm2D';

  static {
    guardMethods(this);
  }

  /** Whether scale and bias get gradients and are updated. */
  readonly trainable: boolean;

  /**
   * With scale and variance of one, bias and mean of zero; `load` or `BatchNorm2D.freeze()` bring others.
   * @throws TypeError or RangeError naming the argument that is wrong.
   */
  constructor(channels: C, options?: FrozenBatchNorm2DOptions) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('FrozenBatchNorm2D', channels);
    const given = requireOptions('options', options, ['epsilon', 'trainable']);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    const { trainable = false } = given;
    this.trainable = requireBoolean('trainable', trainable);
  }

  /** @internal What `BatchNorm2D.freeze` does. */
  static from<C extends number>(
    other: ChannelNorm<C>,
    options?: Pick<FrozenBatchNorm2DOptions, 'trainable'>,
  ): FrozenBatchNorm2D<C> {
    const frozen = new FrozenBatchNorm2D(other.scale.shape[0], options);
    frozen.copyFrom(other);
    return frozen;
  }

  /**
   * (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias.
   *
   * @param x [C, H, W] or [N, C, H, W], with a tape or without.
   * @returns The same shape, with the same tape.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, ImageProblem<ShapeOf<X>, C>>,
  ): SameShapeAs<X, TapeOf<X>> {
    const input = requireTensor('x', x);
    const image = this.readImage(input);
    return batchNormFrozen(input, image, this, this.trainable) as SameShapeAs<X, TapeOf<X>>;
  }

  /** Offers scale and bias to the provider where `trainable`. */
  update(provider: GradientProvider, unused: UnusedTensors): void {
    if (!this.trainable) return;
    updateParameter(this.scale, provider, unused);
    updateParameter(this.bias, provider, unused);
  }

  /** Changes nothing: what is frozen stays. */
  resetParams(_rng?: RandomSource): void {
    // a network that is reset keeps what it was given
  }

  /** A copy with tensors of its own, whose ids are fresh. */
  clone(): FrozenBatchNorm2D<C> {
    return FrozenBatchNorm2D.from(this, { trainable: this.trainable });
  }

  override async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    // What a `BatchNorm2D` saved has these, too.
    for (const name of ['momentum', 'num_batches_tracked']) zip.ignore(`${prefix}${name}.npy`);
    return super.read(zip, prefix);
  }

  /**
   * A layer like the one that `toJSON` was called on.
   * @param json What `JSON.parse` returned.
   * @throws TypeError or RangeError naming the field that is wrong.
   */
  static fromJSON(json: unknown): FrozenBatchNorm2D<number> {
    return FrozenBatchNorm2D.read(new JsonReader('json', json, 'FrozenBatchNorm2D'));
  }

  /** @internal */
  static read(reader: JsonReader): FrozenBatchNorm2D<number> {
    const channels = reader.integer('channels', 1);
    reader.array('scale', channels);
    const trainable = requireBoolean(reader.place('trainable'), reader.field('trainable'));
    const layer = new FrozenBatchNorm2D(channels, { trainable });
    layer.epsilon = requirePositive(reader.place('epsilon'), reader.field('epsilon'));
    for (const [name, tensor] of layer.parameters()) reader.into(name, storageOf(tensor).values);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const own = super[describeLayer]();
    return { ...own, details: { ...own.details, trainable: this.trainable } };
  }
}
