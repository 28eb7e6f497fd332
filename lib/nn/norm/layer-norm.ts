import { JsonReader } from '../../json/json-reader.js';
import { requireTensor } from '../../ops/operand.js';
import { elementCount, type Shape, type Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import type { SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { npzName } from '../members.js';
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
import { CenteredSampleNorm, normalizeGroups, readAffine, type SampleNormOptions } from './sample-norm.js';

/** Settings of a new `LayerNorm`. */
export interface LayerNormOptions<A extends boolean = boolean> extends SampleNormOptions<A> {
  /** Whether the layer has `scale` and `bias`. Default true. */
  readonly affine?: A;
}

/**
 * Layer normalization (Ba, Kiros and Hinton, 2016), as PyTorch's `LayerNorm`: the last axes are normalized by their own mean and
 * variance, and each of their elements has its own scale and bias. dfdx's `LayerNorm1D` is the case of one axis.
 *
 * @example
 * const norm = new LayerNorm(64);
 * norm.forward(Tensor.zeros([8, 10, 64])); // the same shape
 * new LayerNorm([3, 5, 5]).forward(Tensor.zeros([8, 3, 5, 5]));
 */
export class LayerNorm<const N extends number | Shape, A extends boolean = true> extends CenteredSampleNorm<
  NormalizedShape<N>,
  A
> {
  /** @internal */
  static readonly type = 'LayerNorm';

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
  constructor(normalizedShape: N, options?: LayerNormOptions<A>) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const shape = readNormalizedShape(normalizedShape);
    super('LayerNorm', shape, true, options);
    this.normalizedShape = shape;
  }

  /**
   * Computes (x - mean) / sqrt(variance + epsilon) * scale + bias with the statistics of the last axes.
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
    return normalizeGroups(input, rows, this) as SameShapeAs<X, TapeOf<X>>;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): LayerNorm<Shape, boolean> {
    return LayerNorm.read(new JsonReader('json', json, 'LayerNorm'));
  }

  /** @internal */
  static read(reader: JsonReader): LayerNorm<Shape, boolean> {
    const shape = readNormalizedShapeJson(reader);
    const layer = new LayerNorm(shape, { affine: readAffine(reader, elementCount(shape)) });
    layer.readJson(reader);
    return layer;
  }

  /** @internal `gamma` and `beta`, as in dfdx. */
  override [npzName](key: string): string {
    return key === 'scale' ? 'gamma' : key === 'bias' ? 'beta' : key;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return {
      sizes: { normalizedShape: this.normalizedShape },
      details: { epsilon: this.epsilon, affine: this.scale !== undefined },
    };
  }
}
