import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { notePasses } from '../compose/fusion.js';
import { readChannelNorm } from './channel-norm.js';
import { BatchNorm, type BatchNormJson, type BatchNormOptions } from './batch-norm.js';

/** The JSON of a `BatchNorm1D`. */
export type BatchNorm1DJson = BatchNormJson<'BatchNorm1D'>;

/**
 * Batch normalization over the channels of signals or of tables (Ioffe and Szegedy, 2015), as PyTorch's `BatchNorm1d`.
 * The statistics of a channel are taken over all samples and positions.
 * Accepts [N, C], [N, C, L] or [C, L]. A 2D tensor is [N, C] if its last axis has C values, otherwise [C, L].
 *
 * @example
 * const bn = new BatchNorm1D(3);
 * bn.forward(Tensor.zeros([4, 3])); // inference
 * const y = bn.forwardMut(Tensor.zeros([4, 3, 7]).trace()); // training
 */
export class BatchNorm1D<
  C extends number,
  A extends boolean = true,
  L extends boolean = false,
> extends BatchNorm<C, 1, A, L> {
  /** @internal */
  static readonly type = 'BatchNorm1D';

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
    super('BatchNorm1D', channels, 1, options);
  }

  /**
   * Returns all settings and tensors for `JSON.stringify` and `fromJSON`. float32 values are preserved
   * exactly.
   */
  override toJSON(): BatchNorm1DJson {
    return super.toJSON() as BatchNorm1DJson;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): BatchNorm1D<number, boolean, boolean> {
    return BatchNorm1D.read(new JsonReader('json', json, 'BatchNorm1D'));
  }

  /** @internal */
  static read(reader: JsonReader): BatchNorm1D<number, boolean, boolean> {
    const { channels, options } = readChannelNorm(reader);
    const layer = new BatchNorm1D(channels, options);
    layer.readJson(reader);
    return layer;
  }
}
