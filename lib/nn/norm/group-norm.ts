import { requirePositiveInteger, wrongShape, wrongValue } from '../../validation/errors.js';
import { JsonReader } from '../../json/json-reader.js';
import { requireTensor } from '../../ops/operand.js';
import { elementCount, formatShape, type HasUnknownRank, type Shape, type Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import type { ChannelProblem, SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { requireNoSurplus } from '../../validation/surplus-arguments.js';
import { CenteredSampleNorm, normalizeGroups, readAffine, type SampleNormOptions } from './sample-norm.js';

/** Settings of a new `GroupNorm`. */
export interface GroupNormOptions<A extends boolean = boolean> extends SampleNormOptions<A> {
  /** Whether the layer has `scale` and `bias`. Default true. */
  readonly affine?: A;
}

/** The problem with shape S for a layer that expects [N, C, ...], or never. */
type GroupProblem<S, C extends number> = S extends readonly [number, infer K extends number, ...Shape]
  ? ChannelProblem<K, C>
  : HasUnknownRank<S> extends true
    ? never
    : 'Expected a tensor [N, C, ...] of at least 2 axes';

/** Accepts samples of C channels, and keeps their shape. */
interface GroupRule<C extends number> extends ShapeRule {
  readonly accepts: readonly [number, C, ...Shape];
  readonly output: this['input'];
  readonly problem: GroupProblem<this['input'], C>;
}

/**
 * Group normalization (Wu and He, 2018), as PyTorch's `GroupNorm`: each sample is normalized by the mean and the variance of
 * groups of C / groups neighboring channels, over all their positions. Accepts [N, C] and [N, C, ...].
 *
 * @example
 * const norm = new GroupNorm(4, 32);
 * norm.forward(Tensor.zeros([8, 32, 14, 14])); // the same shape
 */
export class GroupNorm<C extends number, A extends boolean = true> extends CenteredSampleNorm<
  readonly [C],
  A
> {
  /** @internal */
  static readonly type = 'GroupNorm';

  static {
    guardMethods(this);
  }

  /** Number of groups, a divisor of C. */
  readonly groups: number;
  /** Number of channels, C. */
  readonly channels: C;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: GroupRule<C>;

  /**
   * @param groups Number of groups; C must be divisible by it.
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the wrong argument.
   */
  constructor(groups: number, channels: C, options?: GroupNormOptions<A>) {
    if (arguments.length > 3) requireNoSurplus(`new ${new.target.name}`, 3, arguments);
    requirePositiveInteger('groups', groups);
    requireSize('channels', channels);
    if (channels % groups !== 0) {
      throw wrongValue('groups', `a divisor of ${channels} channels`, String(groups));
    }
    super('GroupNorm', [channels], true, options);
    this.groups = groups;
    this.channels = channels;
  }

  /**
   * Computes (x - mean) / sqrt(variance + epsilon) * scale + bias with the statistics of each sample's groups.
   *
   * @param x [N, C, ...], with or without a tape.
   * @returns The same shape, with the same tape.
   * @throws RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, GroupProblem<ShapeOf<X>, C>>,
  ): SameShapeAs<X, TapeOf<X>> {
    const input = requireTensor('x', x);
    const { shape } = input;
    const { groups, channels } = this;
    if (shape.length < 2 || shape[1] !== channels) {
      throw wrongShape('x', `shape [N, ${channels}, ...]`, `shape ${formatShape(shape)}`);
    }
    const plane = elementCount(shape.slice(2));
    const grouped = { images: shape[0], groups, channels: channels / groups, plane };
    return normalizeGroups(input, grouped, this) as SameShapeAs<X, TapeOf<X>>;
  }

  /**
   * Creates a layer from the result of `toJSON`.
   * @param json The result of `JSON.parse`.
   * @throws TypeError or RangeError naming the wrong field.
   */
  static fromJSON(json: unknown): GroupNorm<number, boolean> {
    return GroupNorm.read(new JsonReader('json', json, 'GroupNorm'));
  }

  /** @internal */
  static read(reader: JsonReader): GroupNorm<number, boolean> {
    const channels = reader.integer('channels', 1);
    const groups = reader.integer('groups', 1);
    if (channels % groups !== 0) {
      throw wrongValue(reader.place('groups'), `a divisor of ${channels} channels`, String(groups));
    }
    const layer = new GroupNorm(groups, channels, { affine: readAffine(reader, channels) });
    layer.readJson(reader);
    return layer;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return {
      sizes: { groups: this.groups, channels: this.channels },
      details: { epsilon: this.epsilon, affine: this.scale !== undefined },
    };
  }
}
