import { requireBoolean, requireOptions, requirePositive } from '../../validation/errors.js';
import { JsonReader } from '../../json/json-reader.js';
import { batchNormFrozen } from '../../ops/batch-norm.js';
import { requireTensor } from '../../ops/operand.js';
import type { Shape, Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { type RandomSource, type ShapeOf, type TapeOf, type Tensor } from '../../core/tensor.js';
import { ChannelNorm } from './channel-norm.js';
import type { ImageProblem, SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { notePasses } from '../compose/fusion.js';
import { type StoredNumber, storedNumbers } from '../npz-members.js';
import { readTensors } from '../read-tensors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';

/** Settings of a new `FrozenBatchNorm2D`. */
export interface FrozenBatchNorm2DOptions {
  /** Added to the variance before taking the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether scale and bias receive gradients and are updated. Default false. */
  readonly trainable?: boolean;
}

/**
 * Batch norm for fine-tuning: normalizes with its running statistics in training, too, and never changes
 * them. Gradients pass through to x and, if `trainable`, reach scale and bias.
 *
 * @example
 * const frozen = pretrained.freeze();
 * const y = frozen.forward(x.trace());
 */
export class FrozenBatchNorm2D<C extends number> extends ChannelNorm<C> {
  /** @internal */
  static readonly type = 'FrozenBatchNorm2D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** Whether scale and bias get gradients and are updated. */
  readonly trainable: boolean;

  /**
   * Creates a layer with scale and variance of one, bias and mean of zero. Use `load` or
   * `BatchNorm2D.freeze()` for other values.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: FrozenBatchNorm2DOptions) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('FrozenBatchNorm2D', channels);
    const given = requireOptions('options', options, ['epsilon', 'trainable']);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    const { trainable = false } = given;
    this.trainable = requireBoolean('trainable', trainable);
  }

  /** @internal Implements `BatchNorm2D.freeze`. */
  static from<C extends number>(
    other: ChannelNorm<C>,
    options?: Pick<FrozenBatchNorm2DOptions, 'trainable'>,
  ): FrozenBatchNorm2D<C> {
    const frozen = new FrozenBatchNorm2D(other.scale.shape[0], options);
    frozen.copyFrom(other);
    return frozen;
  }

  /**
   * Computes (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias.
   *
   * @param x [C, H, W] or [N, C, H, W], with or without a tape.
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

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
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
    readTensors(layer, reader);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const own = super[describeLayer]();
    return { ...own, details: { ...own.details, trainable: this.trainable } };
  }
}
