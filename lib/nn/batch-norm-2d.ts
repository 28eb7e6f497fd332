import {
  requireFraction,
  requireOptions,
  requirePositive,
  requirePositiveInteger,
  wrongValue,
} from '../errors.js';
import { batchNormInference, batchNormTraining } from '../ops/batch-norm.js';
import { type ImageShape, readImageShape, requireBatch } from '../ops/image-shape.js';
import { requireTensor } from '../ops/operand.js';
import { type GradientProvider, type UnusedTensors } from '../optim/gradient-provider.js';
import { updateParameter } from '../optim/update-parameter.js';
import type { Mistake, SameSize, Shape } from '../tensor/shape.js';
import { formatShape } from '../tensor/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../tensor/tape.js';
import {
  isTaped,
  type RandomSource,
  type ShapeOf,
  storageOf,
  Tensor,
  type Tensor1D,
} from '../tensor/tensor.js';
import type { CanUpdateWithGradients, NamedTensor } from './module.js';

export interface BatchNorm2DOptions {
  /** Added to the variance before the root is taken. Default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the new value in the running statistics, or `'cumulative'`, which averages all batches.
   * Default 0.1. */
  readonly momentum?: number | 'cumulative';
}

/** Number of channels of a CHW or NCHW shape; never for another rank. */
type ChannelsOf<S extends Shape> = S extends readonly [
  number,
  infer C extends number,
  number,
  number,
]
  ? C
  : S extends readonly [infer C extends number, number, number]
    ? C
    : never;

/** What is wrong with an input of type X; never where nothing is. One mistake in a union is one. */
type ImageMistake<X, C extends number> =
  X extends Tensor<infer S, Tape>
    ? [ChannelsOf<S>] extends [never]
      ? Mistake<'Expected a 3D tensor [C, H, W] or a 4D tensor [N, C, H, W]'>
      : SameSize<ChannelsOf<S>, C> extends true
        ? never
        : Mistake<`Expected ${C} channels but received ${ChannelsOf<S>}`>
    : never;

type TapeMistake<X, Wanted extends Tape> =
  X extends Tensor<Shape, infer T>
    ? Exclude<T, Wanted> extends never
      ? never
      : Wanted extends NoneTape
        ? Mistake<'forward takes tensors without a tape: use forwardMut to train, detach() to infer'>
        : Mistake<'forwardMut takes tensors with a tape: use x.trace() to train, forward to infer'>
    : never;

/** `unknown` for an input that fits, else its mistake. */
type Input<X, C extends number, Wanted extends Tape> = [TapeMistake<X, Wanted>] extends [never]
  ? [ImageMistake<X, C>] extends [never]
    ? unknown
    : ImageMistake<X, C>
  : TapeMistake<X, Wanted>;

/** A tensor of the same shape; of each shape, where X is a union. */
type Output<X, T extends Tape> = X extends Tensor<Shape, Tape> ? Tensor<ShapeOf<X>, T> : never;

/**
 * Batch normalization over the channels of images (Ioffe and Szegedy, 2015), as dfdx 0.10's
 * `BatchNorm2D<C>`. Each channel's statistics are taken over all images and pixels.
 *
 * @example
 * const bn = new BatchNorm2D(3);
 * bn.forward(Tensor.zeros([4, 3, 2, 2])); // inference
 * const y = bn.forwardMut(Tensor.zeros([4, 3, 2, 2]).trace()); // training
 */
export class BatchNorm2D<C extends number> implements CanUpdateWithGradients {
  /** Factor after normalization, learned; begins with ones. */
  readonly scale: Tensor1D<C>;
  /** Summand after normalization, learned; begins with zeros. */
  readonly bias: Tensor1D<C>;
  /** Mean for inference: (1 - momentum) * runningMean + momentum * mean of each batch. Begins with
   * zeros; not learned. */
  readonly runningMean: Tensor1D<C>;
  /** Variance for inference, moved likewise towards each batch's variance divided by n - 1. Begins
   * with ones; not learned. */
  readonly runningVar: Tensor1D<C>;

  #epsilon = 1e-5;
  #momentum: number | 'cumulative' = 0.1;
  #batches = 0;

  /**
   * @param channels Number of channels, C.
   * @throws TypeError or RangeError naming the argument that is wrong.
   */
  constructor(channels: C, options?: BatchNorm2DOptions) {
    requirePositiveInteger('channels', channels);
    const given = requireOptions('options', options, ['epsilon', 'momentum']);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    if (given.momentum !== undefined) this.momentum = given.momentum as number;
    this.scale = named('scale', Tensor.ones([channels]));
    this.bias = named('bias', Tensor.zeros([channels]));
    this.runningMean = named('runningMean', Tensor.zeros([channels]));
    this.runningVar = named('runningVar', Tensor.ones([channels]));
  }

  /** Added to the variance before the root is taken. */
  get epsilon(): number {
    return this.#epsilon;
  }

  set epsilon(value: number) {
    this.#epsilon = requirePositive('epsilon', value);
  }

  /** Weight of the new value in the running statistics. */
  get momentum(): number | 'cumulative' {
    return this.#momentum;
  }

  set momentum(value: number | 'cumulative') {
    this.#momentum = value === 'cumulative' ? value : requireFraction('momentum', value);
  }

  /**
   * Inference: (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias.
   *
   * @param x [C, H, W] or [N, C, H, W], without a tape.
   * @throws TypeError for a tensor with a tape, RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, C, NoneTape>): Output<X, NoneTape> {
    const input = requireTensor('x', x);
    if (isTaped(input)) {
      throw new TypeError(
        'Expected a tensor without a tape for forward. Use forwardMut to train, or detach() to infer',
      );
    }
    const image = this.#readImage(input);
    return batchNormInference(input as Tensor<Shape>, image, this) as Output<X, NoneTape>;
  }

  /**
   * Training: (x - mean) / sqrt(var + epsilon) * scale + bias with the statistics of this batch
   * (var divided by n), which also move the running ones (var divided by n - 1).
   *
   * @param x [C, H, W] or [N, C, H, W], with a tape, at least two values per channel.
   * @throws TypeError for a tensor without a tape, RangeError for a wrong shape; nothing has changed.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, C, OwnedTape>): Output<X, OwnedTape> {
    const input = requireTensor('x', x);
    if (!isTaped(input)) {
      throw new TypeError(
        'Expected a tensor with a tape for forwardMut. Use x.trace() to train, or forward to infer',
      );
    }
    const image = this.#readImage(input);
    requireBatch('x', image, input.shape);
    const weight = this.#momentum === 'cumulative' ? 1 / (this.#batches + 1) : this.#momentum;
    const y = batchNormTraining(input as Tensor<Shape, OwnedTape>, image, this, weight);
    this.#batches++;
    return y as Output<X, OwnedTape>;
  }

  /** All four tensors, in the order of dfdx's `.npz` files. */
  parameters(): readonly NamedTensor[] {
    return [
      ['scale', this.scale],
      ['bias', this.bias],
      ['runningMean', this.runningMean],
      ['runningVar', this.runningVar],
    ];
  }

  /** Offers scale and bias to the provider; the running statistics are not learned. */
  update(provider: GradientProvider, unused: UnusedTensors): void {
    updateParameter(this.scale, provider, unused);
    updateParameter(this.bias, provider, unused);
  }

  /** Scale and variance to ones, bias and mean to zeros, in place. The generator, which other layers
   * draw from, is not used. */
  resetParams(_rng?: RandomSource): void {
    fill(this.scale, 1);
    fill(this.bias, 0);
    fill(this.runningMean, 0);
    fill(this.runningVar, 1);
    this.#batches = 0;
  }

  /** A copy with tensors of its own, whose ids are fresh. */
  clone(): BatchNorm2D<C> {
    const copy = new BatchNorm2D(this.scale.shape[0], {
      epsilon: this.#epsilon,
      momentum: this.#momentum,
    });
    for (const [i, [, tensor]] of copy.parameters().entries()) {
      storageOf(tensor).values.set(storageOf(this.parameters()[i][1]).values);
    }
    copy.#batches = this.#batches;
    return copy;
  }

  #readImage(x: Tensor<Shape, Tape>): ImageShape {
    const image = readImageShape('x', x.shape);
    const channels = this.scale.shape[0];
    if (image.channels !== channels) {
      throw wrongValue(
        'x',
        `${channels} channels`,
        `${image.channels} (shape ${formatShape(x.shape)})`,
      );
    }
    return image;
  }
}

function named<S extends Shape>(name: string, tensor: Tensor<S>): Tensor<S> {
  storageOf(tensor).label = `${name} of BatchNorm2D`;
  return tensor;
}

function fill(tensor: Tensor<Shape>, value: number): void {
  const storage = storageOf(tensor);
  storage.values.fill(value);
  storage.version++;
}
