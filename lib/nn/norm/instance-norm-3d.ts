import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { InstanceNorm, type InstanceNormOptions, readInstanceNorm } from './instance-norm.js';

/**
 * Instance normalization of volumes, as PyTorch's `InstanceNorm3d` without running statistics. Accepts
 * [N, C, D, H, W] or [C, D, H, W].
 *
 * @example
 * const norm = new InstanceNorm3D(3, { affine: true });
 * norm.forward(Tensor.zeros([4, 3, 5, 7, 7])); // the same shape
 */
export class InstanceNorm3D<C extends number, A extends boolean = false> extends InstanceNorm<C, 3, A> {
  /** @internal */
  static readonly type = 'InstanceNorm3D';

  static {
    guardMethods(this);
  }

  /**
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: InstanceNormOptions<A>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('InstanceNorm3D', channels, 3, options);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): InstanceNorm3D<number, boolean> {
    return InstanceNorm3D.read(new JsonReader('json', json, 'InstanceNorm3D'));
  }

  /** @internal */
  static read(reader: JsonReader): InstanceNorm3D<number, boolean> {
    const layer = new InstanceNorm3D(...readInstanceNorm(reader));
    layer.readJson(reader);
    return layer;
  }
}
