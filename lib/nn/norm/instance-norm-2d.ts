import { JsonReader } from '../../json/json-reader.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { InstanceNorm, type InstanceNormOptions, readInstanceNorm } from './instance-norm.js';

/**
 * Instance normalization of images, as PyTorch's `InstanceNorm2d` without running statistics. Accepts
 * [N, C, H, W] or [C, H, W].
 *
 * @example
 * const norm = new InstanceNorm2D(3, { affine: true });
 * norm.forward(Tensor.zeros([4, 3, 7, 7])); // the same shape
 */
export class InstanceNorm2D<C extends number, A extends boolean = false> extends InstanceNorm<C, 2, A> {
  /** @internal */
  static readonly type = 'InstanceNorm2D';

  static {
    guardMethods(this);
  }

  /**
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(channels: C, options?: InstanceNormOptions<A>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    super('InstanceNorm2D', channels, 2, options);
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): InstanceNorm2D<number, boolean> {
    return InstanceNorm2D.read(new JsonReader('json', json, 'InstanceNorm2D'));
  }

  /** @internal */
  static read(reader: JsonReader): InstanceNorm2D<number, boolean> {
    const layer = new InstanceNorm2D(...readInstanceNorm(reader));
    layer.readJson(reader);
    return layer;
  }
}
