import { JsonReader } from '../../json/json-reader.js';
import { requireBoolean } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import { type ChannelNorm, readChannelNorm } from './channel-norm.js';
import { FrozenBatchNorm, type FrozenBatchNormOptions, frozenOptions } from './frozen-batch-norm.js';

/**
 * `BatchNorm3D` for fine-tuning: normalizes with its running statistics in training, too, and never changes
 * them. Gradients pass through to x and, if `trainable`, reach scale and bias.
 * Accepts [N, C, D, H, W] or [C, D, H, W].
 *
 * @example
 * const frozen = FrozenBatchNorm3D.from(pretrained);
 * const y = frozen.forward(x.trace());
 */
export class FrozenBatchNorm3D<
  C extends number,
  A extends boolean = true,
  L extends boolean = false,
> extends FrozenBatchNorm<C, 3, A, L> {
  /** @internal */
  static readonly type = 'FrozenBatchNorm3D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /**
   * Creates a layer with scale and variance of one, bias and mean of zero. Use `load` or
   * `from` for other values.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: FrozenBatchNormOptions<A, L>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('FrozenBatchNorm3D', channels, 3, options);
  }

  /**
   * Creates a frozen copy of a batch norm layer, with the same epsilon and values. To freeze the layer itself, call its
   * `freeze()`.
   * @throws TypeError for another kind of layer, or one whose `forward` was replaced, because the copy would not have it.
   */
  static from<C extends number, A extends boolean, L extends boolean>(
    other: ChannelNorm<C, 3, A, L>,
    options?: Pick<FrozenBatchNormOptions, 'trainable'>,
  ): FrozenBatchNorm3D<C, A, L> {
    const settings = frozenOptions(other, 3, options);
    const frozen = new FrozenBatchNorm3D(other.runningMean.shape[0], settings);
    frozen.copyFrom(other);
    return frozen;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): FrozenBatchNorm3D<number, boolean, boolean> {
    return FrozenBatchNorm3D.read(new JsonReader('json', json, 'FrozenBatchNorm3D'));
  }

  /** @internal */
  static read(reader: JsonReader): FrozenBatchNorm3D<number, boolean, boolean> {
    const { channels, options } = readChannelNorm(reader);
    const trainable = requireBoolean(reader.place('trainable'), reader.field('trainable'));
    const layer = new FrozenBatchNorm3D(channels, { ...options, trainable });
    layer.readJson(reader);
    return layer;
  }
}
