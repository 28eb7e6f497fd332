import { requirePositive, wrongShape } from '../../validation/errors.js';
import { type ImageShape, readImageShape } from '../../ops/image-shape.js';
import { formatShape, type Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { BaseModule } from '../base-module.js';
import type { ImageProblem } from '../input.js';
import { npzName } from '../members.js';
import { type StoredNumber, storedNumbers } from '../npz-members.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Accepts images of C channels and keeps their shape. */
interface ChannelRule<C extends number> extends ShapeRule {
  readonly accepts: readonly [number, C, number, number] | readonly [C, number, number];
  readonly output: this['input'];
  readonly problem: ImageProblem<this['input'], C>;
}

/** Name of the field with epsilon, which is not private because copies are made without the constructor. */
const storedEpsilon = Symbol('epsilon');

/** Names in the files of dfdx. */
const npzNames: Readonly<Record<string, string>> = { runningMean: 'running_mean', runningVar: 'running_var' };
const pyTorchNames: Readonly<Record<string, string>> = { ...npzNames, scale: 'weight' };

/** Base class of batch norm layers: four values per channel, and epsilon. */
export abstract class ChannelNorm<C extends number> extends BaseModule {
  static {
    guardMethods(this);
  }

  /** Factor after normalization, [C]; learned, initially ones. */
  readonly scale: Tensor1D<C>;
  /** Added after normalization, [C]; learned, initially zeros. */
  readonly bias: Tensor1D<C>;
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

  /** @internal */
  [storedEpsilon] = 1e-5;

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C) {
    super();
    requireSize('channels', channels);
    const named = (name: string, tensor: Tensor1D<C>): Tensor1D<C> => {
      storageOf(tensor).label = `${name} of ${layer}`;
      return tensor;
    };
    this.scale = named('scale', Tensor.ones([channels]));
    this.bias = named('bias', Tensor.zeros([channels]));
    this.runningMean = named('runningMean', Tensor.zeros([channels]));
    this.runningVar = named('runningVar', Tensor.ones([channels]));
  }

  /** Added to the variance before taking the square root. Default 1e-5. */
  get epsilon(): number {
    return this[storedEpsilon];
  }

  set epsilon(value: number) {
    this[storedEpsilon] = requirePositive('epsilon', value);
  }

  /** `weight`, `bias`, `running_mean` and `running_var`. */
  protected override pyTorchName(key: string): string {
    return pyTorchNames[key] ?? key;
  }

  /** The running statistics. */
  protected override buffers(): readonly string[] {
    return ['runningMean', 'runningVar'];
  }

  /** @internal */
  override [npzName](key: string): string {
    return npzNames[key] ?? key;
  }

  /** @internal */
  override [storedNumbers](): readonly StoredNumber[] {
    return [
      {
        name: 'epsilon',
        expected: 'a positive finite number',
        fits: (value) => value > 0 && Number.isFinite(value),
        value: this[storedEpsilon],
        set: (value) => (this[storedEpsilon] = value),
      },
    ];
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { channels: this.scale.shape[0] }, details: { epsilon: this[storedEpsilon] } };
  }

  /** Copies the tensors and epsilon of another layer. */
  protected copyFrom(other: ChannelNorm<C>): void {
    for (const name of ['scale', 'bias', 'runningMean', 'runningVar'] as const) {
      const storage = storageOf(this[name]);
      storage.values.set(storageOf(other[name]).values);
      storage.version++;
    }
    this[storedEpsilon] = other[storedEpsilon];
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
