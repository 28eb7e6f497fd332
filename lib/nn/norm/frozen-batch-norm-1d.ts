import { JsonReader } from '../../json/json-reader.js';
import { requireBoolean } from '../../validation/errors.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import { type ChannelNorm, readChannelNorm } from './channel-norm.js';
import { FrozenBatchNorm, type FrozenBatchNormOptions, frozenOptions } from './frozen-batch-norm.js';

/**
 * `BatchNorm1D` for fine-tuning: normalizes with its running statistics in training, too, and never changes
 * them. Gradients pass through to x and, if `trainable`, reach scale and bias.
 * Accepts [N, C], [N, C, L] or [C, L]. A 2D tensor is [N, C] if its last axis has C values, otherwise [C, L].
 *
 * @example
 * const frozen = FrozenBatchNorm1D.from(pretrained);
 * const y = frozen.forward(x.trace());
 */
export class FrozenBatchNorm1D<
  C extends number,
  A extends boolean = true,
  L extends boolean = false,
> extends FrozenBatchNorm<C, 1, A, L> {
  /** @internal */
  static readonly type = 'FrozenBatchNorm1D';

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
    super('FrozenBatchNorm1D', channels, 1, options);
  }

  /**
   * Creates a frozen copy of a batch norm layer, with the same epsilon and values. To freeze the layer itself, call its
   * `freeze()`.
   * @throws TypeError for another kind of layer, or one whose `forward` was replaced, because the copy would not have it.
   */
  static from<C extends number, A extends boolean, L extends boolean>(
    other: ChannelNorm<C, 1, A, L>,
    options?: Pick<FrozenBatchNormOptions, 'trainable'>,
  ): FrozenBatchNorm1D<C, A, L> {
    const settings = frozenOptions(other, 1, options);
    const frozen = new FrozenBatchNorm1D(other.runningMean.shape[0], settings);
    frozen.copyFrom(other);
    return frozen;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): FrozenBatchNorm1D<number, boolean, boolean> {
    return FrozenBatchNorm1D.read(new JsonReader('json', json, 'FrozenBatchNorm1D'));
  }

  /** @internal */
  static read(reader: JsonReader): FrozenBatchNorm1D<number, boolean, boolean> {
    const { channels, options } = readChannelNorm(reader);
    const trainable = requireBoolean(reader.place('trainable'), reader.field('trainable'));
    const layer = new FrozenBatchNorm1D(channels, { ...options, trainable });
    layer.readJson(reader);
    return layer;
  }
}
