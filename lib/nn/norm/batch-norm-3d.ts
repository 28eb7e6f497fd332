import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import { readChannelNorm } from './channel-norm.js';
import { BatchNorm, type BatchNormJson, type BatchNormOptions } from './batch-norm.js';

/** The JSON of a `BatchNorm3D`. */
export type BatchNorm3DJson = BatchNormJson<'BatchNorm3D'>;

/**
 * Batch normalization over the channels of volumes (Ioffe and Szegedy, 2015), as PyTorch's `BatchNorm3d`.
 * The statistics of a channel are taken over all volumes and voxels.
 * Accepts [N, C, D, H, W] or [C, D, H, W].
 *
 * @example
 * const bn = new BatchNorm3D(3);
 * bn.forward(Tensor.zeros([4, 3, 2, 2, 2])); // inference
 * const y = bn.forwardMut(Tensor.zeros([4, 3, 2, 2, 2]).trace()); // training
 */
export class BatchNorm3D<
  C extends number,
  A extends boolean = true,
  L extends boolean = false,
> extends BatchNorm<C, 3, A, L> {
  /** @internal */
  static readonly type = 'BatchNorm3D';

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
    super('BatchNorm3D', channels, 3, options);
  }

  /**
   * Returns all settings and tensors for `JSON.stringify` and `fromJSON`. float32 values are preserved
   * exactly.
   */
  override toJSON(): BatchNorm3DJson {
    return super.toJSON() as BatchNorm3DJson;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): BatchNorm3D<number, boolean, boolean> {
    return BatchNorm3D.read(new JsonReader('json', json, 'BatchNorm3D'));
  }

  /** @internal */
  static read(reader: JsonReader): BatchNorm3D<number, boolean, boolean> {
    const { channels, options } = readChannelNorm(reader);
    const layer = new BatchNorm3D(channels, options);
    layer.readJson(reader);
    return layer;
  }
}
