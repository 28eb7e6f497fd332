import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { InstanceNorm, type InstanceNormOptions, readInstanceNorm } from './instance-norm.js';

/**
 * Instance normalization of signals, as PyTorch's `InstanceNorm1d` without running statistics. Accepts
 * [N, C, L] or [C, L].
 *
 * @example
 * const norm = new InstanceNorm1D(3, { affine: true });
 * norm.forward(Tensor.zeros([4, 3, 7])); // the same shape
 */
export class InstanceNorm1D<C extends number, A extends boolean = false> extends InstanceNorm<C, 1, A> {
  /** @internal */
  static readonly type = 'InstanceNorm1D';

  static {
    guardMethods(this);
  }

  /**
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: InstanceNormOptions<A>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('InstanceNorm1D', channels, 1, options);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): InstanceNorm1D<number, boolean> {
    return InstanceNorm1D.read(new JsonReader('json', json, 'InstanceNorm1D'));
  }

  /** @internal */
  static read(reader: JsonReader): InstanceNorm1D<number, boolean> {
    const layer = new InstanceNorm1D(...readInstanceNorm(reader));
    layer.readJson(reader);
    return layer;
  }
}
