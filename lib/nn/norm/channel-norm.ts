import { wrongShape } from '../../validation/errors.js';
import { type ImageShape, readImageShape } from '../../ops/image-shape.js';
import { formatShape, type Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { Tensor, type Tensor1D } from '../../core/tensor.js';
import { AffineNorm, copyValues, labelled } from './affine-norm.js';
import type { ImageProblem } from '../input.js';
import { npzName } from '../members.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Accepts images of C channels and keeps their shape. */
interface ChannelRule<C extends number> extends ShapeRule {
  readonly accepts: readonly [number, C, number, number] | readonly [C, number, number];
  readonly output: this['input'];
  readonly problem: ImageProblem<this['input'], C>;
}

/** Names in the files of dfdx and in PyTorch's state dicts. */
const statisticsNames: Readonly<Record<string, string>> = {
  runningMean: 'running_mean',
  runningVar: 'running_var',
};

/** Base class of batch norm layers: a norm with running statistics of each channel. */
export abstract class ChannelNorm<C extends number> extends AffineNorm<C> {
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
  declare readonly [shapeRule]: ChannelRule<C>;

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C) {
    super(layer, channels);
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
  protected override copyFrom(other: ChannelNorm<C>): void {
    super.copyFrom(other);
    copyValues(other.runningMean, this.runningMean);
    copyValues(other.runningVar, this.runningVar);
  }

  /**
   * Checks the shape of an input.
   * @throws RangeError for a wrong rank or number of channels.
   */
  protected readImage(x: Tensor<Shape, Tape>): ImageShape {
    const image = readImageShape('x', x.shape);
    const channels = this.scale.shape[0];
    if (image.channels !== channels) {
      throw wrongShape('x', `${channels} channels`, `${image.channels} (shape ${formatShape(x.shape)})`);
    }
    return image;
  }
}
