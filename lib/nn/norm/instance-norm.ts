import { wrongShape } from '../../validation/errors.js';
import type { JsonReader } from '../../json/json-reader.js';
import { type ImageShape, readImageShape } from '../../ops/image-shape.js';
import { requireTensor } from '../../ops/operand.js';
import { formatShape, type HasUnknownRank, type Shape, type Unless } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import type { ShapeOf, TapeOf, Tensor } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import type { ChannelProblem, SameShapeAs } from '../input.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { type AxesProblem, readVolumeShape, type SpatialAxes } from './axes.js';
import { CenteredSampleNorm, normalizeGroups, readAffine, type SampleNormOptions } from './sample-norm.js';

/** Settings of a new instance norm. */
export interface InstanceNormOptions<A extends boolean = boolean> extends SampleNormOptions<A> {
  /** Whether the layer has `scale` and `bias`. Default false, as in PyTorch. */
  readonly affine?: A;
}

/** The problem with shape S for a layer that expects D spatial axes, or never. */
type InstanceProblem<S, C extends number, D extends SpatialAxes> = D extends 1
  ? SignalProblem<S, C>
  : AxesProblem<S, C, D>;

type SignalProblem<S, C extends number> = S extends readonly [number, infer K extends number, number]
  ? ChannelProblem<K, C>
  : S extends readonly [infer K extends number, number]
    ? ChannelProblem<K, C>
    : HasUnknownRank<S> extends true
      ? never
      : 'Expected a 2D tensor [C, L] or a 3D tensor [N, C, L]';

interface InstanceShapes<C extends number> {
  readonly 1: readonly [number, C, number] | readonly [C, number];
  readonly 2: readonly [number, C, number, number] | readonly [C, number, number];
  readonly 3: readonly [number, C, number, number, number] | readonly [C, number, number, number];
}

/** Accepts tensors of C channels and D spatial axes, and keeps their shape. */
interface InstanceRule<C extends number, D extends SpatialAxes> extends ShapeRule {
  readonly accepts: InstanceShapes<C>[D];
  readonly output: this['input'];
  readonly problem: InstanceProblem<this['input'], C, D>;
}

const read: Readonly<Record<SpatialAxes, (shape: Shape) => ImageShape>> = {
  1: readSignals,
  2: (shape) => readImageShape('x', shape),
  3: (shape) => readVolumeShape('x', shape),
};

/** Name of the field with the number of spatial axes. Not private, because copies are made without the constructor. */
const spatialAxes = Symbol('spatialAxes');

/**
 * Base class of `InstanceNorm1D`, `InstanceNorm2D` and `InstanceNorm3D`: each channel of each sample is normalized by its own
 * mean and variance over D spatial axes (Ulyanov, Vedaldi and Lempitsky, 2016).
 */
export abstract class InstanceNorm<
  C extends number,
  D extends SpatialAxes,
  A extends boolean,
> extends CenteredSampleNorm<readonly [C], A> {
  static {
    guardMethods(this);
  }

  /** Number of channels, C. */
  readonly channels: C;
  /** Exists only for the compiler. */
  declare readonly [shapeRule]: InstanceRule<C, D>;
  /** @internal */
  readonly [spatialAxes]: D;

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C, axes: D, options: InstanceNormOptions<A> | undefined) {
    requireSize('channels', channels);
    super(layer, [channels], false, options);
    this.channels = channels;
    this[spatialAxes] = axes;
  }

  /**
   * Computes (x - mean) / sqrt(variance + epsilon) * scale + bias with the statistics of each channel of each sample.
   *
   * @param x Of a shape that the class accepts, with or without a tape.
   * @returns The same shape, with the same tape.
   * @throws RangeError for a wrong shape, and for a single value per channel.
   */
  forward<X extends Tensor<Shape, Tape>>(
    x: X & Unless<X, InstanceProblem<ShapeOf<X>, C, D>>,
  ): SameShapeAs<X, TapeOf<X>> {
    const input = requireTensor('x', x);
    const { shape } = input;
    const { images, channels, plane } = read[this[spatialAxes]](shape);
    const given = `shape ${formatShape(shape)}`;
    if (channels !== this.channels) {
      throw wrongShape('x', `${this.channels} channels`, `${channels} (${given})`);
    }
    if (plane === 1) throw wrongShape('x', 'more than one value per channel of a sample', given);
    const grouped = { images, groups: channels, channels: 1, plane };
    return normalizeGroups(input, grouped, this) as SameShapeAs<X, TapeOf<X>>;
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return {
      sizes: { channels: this.channels },
      details: { epsilon: this.epsilon, affine: this.scale !== undefined },
    };
  }
}

/** Reads the arguments of the constructor from JSON. */
export function readInstanceNorm(reader: JsonReader): [number, InstanceNormOptions] {
  const channels = reader.integer('channels', 1);
  return [channels, { affine: readAffine(reader, channels) }];
}

function readSignals(shape: Shape): ImageShape {
  if (shape.length === 3) return { images: shape[0], channels: shape[1], plane: shape[2] };
  if (shape.length === 2) return { images: 1, channels: shape[0], plane: shape[1] };
  throw wrongShape('x', 'a 2D tensor [C, L] or a 3D tensor [N, C, L]', `shape ${formatShape(shape)}`);
}
