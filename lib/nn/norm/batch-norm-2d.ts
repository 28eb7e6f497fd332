import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import { readChannelNorm } from './channel-norm.js';
import { BatchNorm, type BatchNormJson, type BatchNormOptions } from './batch-norm.js';

/** The JSON of a `BatchNorm2D`. */
export type BatchNorm2DJson = BatchNormJson<'BatchNorm2D'>;

/**
 * Batch normalization over the channels of images (Ioffe and Szegedy, 2015), as dfdx 0.10's `BatchNorm2D<C>`.
 * The statistics of a channel are taken over all images and pixels.
 * Accepts [C, H, W] or [N, C, H, W].
 *
 * @example
 * const bn = new BatchNorm2D(3);
 * bn.forward(Tensor.zeros([4, 3, 2, 2])); // inference
 * const y = bn.forwardMut(Tensor.zeros([4, 3, 2, 2]).trace()); // training
 */
export class BatchNorm2D<
  C extends number,
  A extends boolean = true,
  L extends boolean = false,
> extends BatchNorm<C, 2, A, L> {
  /** @internal */
  static readonly type = 'BatchNorm2D';

  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /**
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: BatchNormOptions<A, L>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('BatchNorm2D', channels, 2, options);
  }

  /**
   * Returns all settings and tensors for `JSON.stringify` and `fromJSON`. float32 values are preserved
   * exactly.
   */
  override toJSON(): BatchNorm2DJson {
    return super.toJSON() as BatchNorm2DJson;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): BatchNorm2D<number, boolean, boolean> {
    return BatchNorm2D.read(new JsonReader('json', json, 'BatchNorm2D'));
  }

  /** @internal */
  static read(reader: JsonReader): BatchNorm2D<number, boolean, boolean> {
    const { channels, options } = readChannelNorm(reader);
    const layer = new BatchNorm2D(channels, options);
    layer.readJson(reader);
    return layer;
  }
}
