import type { ImageShape } from '../../ops/image-shape.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { Tensor, type Tensor1D } from '../../core/tensor.js';
import { type AxesProblem, type AxesShapes, readAxesShape, type SpatialAxes } from './axes.js';
import { AffineNorm, copyValues, labelled } from './affine-norm.js';
import type { JsonReader } from '../../json/json-reader.js';
import { npzName } from '../members.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Accepts tensors of C channels and D spatial axes, and keeps their shape. */
interface ChannelRule<C extends number, D extends SpatialAxes> extends ShapeRule {
  readonly accepts: AxesShapes<C, D>;
  readonly output: this['input'];
  readonly problem: AxesProblem<this['input'], C, D>;
}

/** Name of the field with the number of spatial axes. Not private, because copies are made without the constructor. */
const spatialAxes = Symbol('spatialAxes');

/** Names in the files of dfdx and in PyTorch's state dicts. */
const statisticsNames: Readonly<Record<string, string>> = {
  runningMean: 'running_mean',
  runningVar: 'running_var',
};

/** Base class of batch norm layers: a norm with running statistics of each channel. */
export abstract class ChannelNorm<C extends number, D extends SpatialAxes> extends AffineNorm<C> {
  static {
    guardMethods(this);
  }

  /**
   * Mean for inference, [C]; not learned, initially zeros. Each training batch updates it to (1 - momentum) *
   * runningMean + momentum * mean.
   */
  readonly runningMean: Tensor1D<C>;
  /**
   * Variance for inference, [C]; not learned, initially ones. Each training batch updates it likewise with
   * its unbiased variance.
   */
  readonly runningVar: Tensor1D<C>;

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ChannelRule<C, D>;

  /** @internal */
  readonly [spatialAxes]: D;

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C, axes: D) {
    super(layer, channels);
    this[spatialAxes] = axes;
    this.runningMean = labelled(layer, 'runningMean', Tensor.zeros([channels]));
    this.runningVar = labelled(layer, 'runningVar', Tensor.ones([channels]));
  }

  /** `weight`, `bias`, `running_mean` and `running_var`. */
  protected override pyTorchName(key: string): string {
    return statisticsNames[key] ?? super.pyTorchName(key);
  }

  /** The running statistics. */
  protected override buffers(): readonly string[] {
    return ['runningMean', 'runningVar'];
  }

  /** @internal */
  override [npzName](key: string): string {
    return statisticsNames[key] ?? key;
  }

  /** Copies the tensors and epsilon of another layer. */
  protected override copyFrom(other: ChannelNorm<C, D>): void {
    super.copyFrom(other);
    copyValues(other.runningMean, this.runningMean);
    copyValues(other.runningVar, this.runningVar);
  }
}

/**
 * Checks the shape of an input of a norm. Not a method, since the guards around methods take noticeable time for small inputs.
 * @throws RangeError for a wrong rank or number of channels.
 */
export function readAxes(
  x: Tensor<Shape, Tape>,
  norm: { readonly scale: Tensor1D<number>; readonly [spatialAxes]: SpatialAxes },
): ImageShape {
  return readAxesShape('x', x.shape, norm.scale.shape[0], norm[spatialAxes]);
}

/** Reads the number of channels from the JSON of a norm, which a short text may claim to be gigabytes. */
export function readChannels(reader: JsonReader): number {
  const channels = reader.integer('channels', 1);
  // Checks the length of the array, before anything is allocated.
  reader.array('scale', channels);
  return channels;
}
