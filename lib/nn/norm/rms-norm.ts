import { JsonReader } from '../../json/json-reader.js';
import { groupNorm } from '../../ops/group-norm.js';
import { requireTensor } from '../../ops/operand.js';
import { elementCount, type Shape, type Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { shapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import {
  type LastAxesProblem,
  type LastAxesRule,
  type NormalizedShape,
  readNormalizedShape,
  readNormalizedShapeJson,
  readRows,
} from './normalized-shape.js';
import { readAffine, SampleNorm, type SampleNormOptions } from './sample-norm.js';

/** Settings of a new `RMSNorm`. */
export interface RMSNormOptions<A extends boolean = boolean> extends SampleNormOptions<A> {
  /** Added to the mean square before taking the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether the layer has a `scale`. Default true. */
  readonly affine?: A;
}

/**
 * Root mean square normalization (Zhang and Sennrich, 2019), as PyTorch's `RMSNorm`: the last axes are divided by the root of
 * their mean square, and each of their elements has its own scale. The mean is not subtracted, and there is no bias.
 *
 * @example
 * const norm = new RMSNorm(64);
 * norm.forward(Tensor.zeros([8, 10, 64])); // the same shape
 */
export class RMSNorm<const N extends number | Shape, A extends boolean = true> extends SampleNorm<
  NormalizedShape<N>,
  A
> {
  /** @internal */
  static readonly type = 'RMSNorm';

  static {
    guardMethods(this);
  }

  /** The sizes of the last axes. */
  readonly normalizedShape: NormalizedShape<N>;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: LastAxesRule<NormalizedShape<N>>;

  /**
   * @param normalizedShape The size of the last axis, or the sizes of several last axes.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(normalizedShape: N, options?: RMSNormOptions<A>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const shape = readNormalizedShape(normalizedShape);
    super('RMSNorm', shape, true, options);
    this.normalizedShape = shape;
  }

  /**
   * Computes x / sqrt(mean(x * x) + epsilon) * scale, with the mean over the last axes.
   *
   * @param x A tensor whose last axes have the normalized shape, with or without a tape.
   * @returns The same shape, with the same tape.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, LastAxesProblem<ShapeOf<X>, NormalizedShape<N>>>,
  ): SameShapeAs<X, TapeOf<X>> {
    const input = requireTensor('x', x);
    const rows = readRows(input.shape, this.normalizedShape);
    const { scale } = this;
    return groupNorm(input, rows, {
      scale,
      bias: undefined,
      epsilon: this.epsilon,
      centered: false,
    }) as SameShapeAs<X, TapeOf<X>>;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): RMSNorm<Shape, boolean> {
    return RMSNorm.read(new JsonReader('json', json, 'RMSNorm'));
  }

  /** @internal */
  static read(reader: JsonReader): RMSNorm<Shape, boolean> {
    const shape = readNormalizedShapeJson(reader);
    const layer = new RMSNorm(shape, { affine: readAffine(reader, elementCount(shape)) });
    layer.readJson(reader);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return {
      sizes: { normalizedShape: this.normalizedShape },
      details: { epsilon: this.epsilon, affine: this.scale !== undefined },
    };
  }
}
