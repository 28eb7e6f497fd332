import { freshFloats } from '../../backend/allocation.js';
import { plainError, requireFraction, requireOptions, requirePositive } from '../../validation/errors.js';
import type { JsonNumber } from '../../json/json-numbers.js';
import type { JsonReader } from '../../json/json-reader.js';
import { add } from '../../ops/arithmetic.js';
import {
  batchNormFrozen,
  batchNormInference,
  type BatchNormTraining,
  batchNormTraining,
} from '../../ops/batch-norm.js';
import type { BatchNormState } from '../../ops/batch-norm-state.js';
import { requireBatch } from '../../ops/image-shape.js';
import { requireShape, requireTensor } from '../../ops/operand.js';
import { relu } from '../../ops/unary.js';
import type { Shape } from '../../core/shape.js';
import type { NoneTape, OwnedTape, Tape } from '../../core/tape.js';
import {
  type RandomSource,
  requiresGradient,
  type ShapeOf,
  storageOf,
  type Tensor,
} from '../../core/tensor.js';
import { ChannelNorm, readAxes } from './channel-norm.js';
import type { ModeInput, ResidualInput, SameShapeAs } from '../input.js';
import { requireTaped, requireUntaped } from '../mode.js';
import {
  canFuse,
  fusedForward,
  fusedForwardMut,
  notePasses,
  type ResidualSource,
} from '../compose/fusion.js';
import type { AxesProblem, SpatialAxes } from './axes.js';
import { describeLayer, type LayerDescription, layerType } from '../layer-description.js';
import { type StoredNumber, storedNumbers } from '../npz-members.js';
import { readTensors } from '../read-tensors.js';
import { type RunningStatistics, runningStatistics } from './running-statistics.js';
import { changesAreNoted, noteChange } from './statistics-transaction.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Settings of a new batch norm layer. */
export interface BatchNormOptions<A extends boolean = boolean, L extends boolean = boolean> {
  /** Added to the variance before taking the square root. Default 1e-5. */
  readonly epsilon?: number;
  /**
   * Weight of a batch in the running statistics, or `'cumulative'`, which averages all batches. Default 0.1.
   */
  readonly momentum?: number | 'cumulative';
  /** Whether the layer has `scale` and `bias`. Default true. */
  readonly affine?: A;
  /**
   * Whether the channels are the last axis, as in Keras and TensorFlow: [N, C] or [N, L, C] for signals, [H, W, C] or
   * [N, H, W, C] for images, [D, H, W, C] or [N, D, H, W, C] for volumes. Default false.
   */
  readonly channelsLast?: L;
}

/** The JSON of a layer. NaN, infinities and -0, which JSON lacks, are strings. */
export interface BatchNormJson<Type extends string> {
  /** Name of the class. */
  readonly type: Type;
  /** C. */
  readonly channels: number;
  /** As of the layer. */
  readonly epsilon: number;
  /** As of the layer. */
  readonly momentum: number | 'cumulative';
  /** Number of training batches since the last reset, by which the cumulative average divides. */
  readonly batches: number;
  /** False in a layer without scale and bias, otherwise absent. */
  readonly affine?: false;
  /** True if the channels are the last axis, otherwise absent. */
  readonly channelsLast?: true;
  /** Factor after normalization, [C]; absent with `affine: false`. */
  readonly scale?: readonly JsonNumber[];
  /** Added after normalization, [C]; absent with `affine: false`. */
  readonly bias?: readonly JsonNumber[];
  /** Mean for inference, [C]. */
  readonly runningMean: readonly JsonNumber[];
  /** Variance for inference, [C]. */
  readonly runningVar: readonly JsonNumber[];
}

type Input<X, C extends number, D extends SpatialAxes, L extends boolean, Wanted extends Tape> = ModeInput<
  X,
  Wanted,
  AxesProblem<ShapeOf<X>, C, D, L>
>;

/** What changes in a layer besides its tensors; an object of its own, so that a layer may be frozen with Object.freeze(). */
interface TrainingState {
  momentum: number | 'cumulative';
  /** Training batches since the last reset. */
  batches: number;
  /** True while `recalibrate` runs; kept separately, so that momentum does not change. */
  averaging: boolean;
  /** Replaces the layer's own training pass, and checks by itself that there are enough values. */
  sharedPass: BatchNormTraining | undefined;
}

// Not a private field, because copies are made without the constructor.
const trainingState = Symbol('trainingState');

/**
 * Base class of `BatchNorm1D`, `BatchNorm2D` and `BatchNorm3D`: batch normalization of each channel over all
 * samples and their D spatial axes (Ioffe and Szegedy, 2015).
 */
export abstract class BatchNorm<
  C extends number,
  D extends SpatialAxes,
  A extends boolean = true,
  L extends boolean = false,
> extends ChannelNorm<C, D, A, L> {
  static {
    guardMethods(this);
    notePasses(this.prototype);
  }

  /** @internal */
  [trainingState]: TrainingState = { momentum: 0.1, batches: 0, averaging: false, sharedPass: undefined };

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C, axes: D, options: BatchNormOptions<A, L> | undefined) {
    const given = requireOptions('options', options, ['epsilon', 'momentum', 'affine', 'channelsLast']);
    super(layer, channels, axes, given);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    if (given.momentum !== undefined) this.momentum = given.momentum as number;
  }

  /**
   * Weight of a batch in the running statistics, as in PyTorch: 0 never changes them, 1 keeps only the last
   * batch. `'cumulative'` averages all batches since the last reset. Default 0.1.
   */
  get momentum(): number | 'cumulative' {
    return this[trainingState].momentum;
  }

  set momentum(value: number | 'cumulative') {
    this[trainingState].momentum = readMomentum('momentum', value);
  }

  /**
   * Inference: (x - runningMean) / sqrt(runningVar + epsilon) * scale + bias.
   *
   * @param x Of a shape that the class accepts, without a tape.
   * @returns The same shape.
   * @throws TypeError for a tensor with a tape, RangeError for a wrong shape.
   */
  forward<X extends Tensor<Shape, Tape>>(x: X & Input<X, C, D, L, NoneTape>): SameShapeAs<X, NoneTape> {
    const input = requireUntaped('x', x);
    const image = readAxes(input, this);
    return batchNormInference(input, image, this) as SameShapeAs<X, NoneTape>;
  }

  /**
   * Training: (x - mean) / sqrt(var + epsilon) * scale + bias with the mean and the biased variance of this
   * batch. Updates the running statistics, `runningVar` with the unbiased variance. With frozen running statistics,
   * normalizes with those and changes nothing.
   *
   * @param x Of a shape that the class accepts, with a tape and at least two values per channel.
   * @returns The same shape, recorded as one operation.
   * @throws TypeError for a tensor without a tape, RangeError for a wrong shape. Nothing has changed then.
   */
  forwardMut<X extends Tensor<Shape, Tape>>(x: X & Input<X, C, D, L, OwnedTape>): SameShapeAs<X, OwnedTape> {
    const input = requireTaped('x', x);
    const image = readAxes(input, this);
    if (hasFrozenStatistics(this))
      return batchNormFrozen(input, image, this, true) as SameShapeAs<X, OwnedTape>;
    const shared = this[trainingState].sharedPass;
    if (shared === undefined) requireBatch('x', image, input.shape);
    const undo = changesAreNoted() ? this.keepStatistics() : undefined;
    const y = (shared ?? batchNormTraining)(input, image, this, weightOfBatch(this[trainingState]));
    if (undo !== undefined) noteChange(undo);
    this[trainingState].batches++;
    return y as SameShapeAs<X, OwnedTape>;
  }

  /**
   * Inference with the operations that usually follow, `forward(x).add(residual).relu()`, in one pass over
   * memory. The results have the same bits. `Sequential` does this by itself.
   *
   * @param x As for `forward`.
   * @param residual Optional; of the same shape, without a tape.
   * @throws TypeError or RangeError as `forward`; RangeError for a residual of another shape.
   */
  forwardRelu<X extends Tensor<Shape, Tape>, A extends Tensor<Shape, Tape> = X>(
    x: X & Input<X, C, D, L, NoneTape>,
    residual?: A & ResidualInput<X, A, NoneTape>,
  ): SameShapeAs<X, NoneTape> {
    const input = requireUntaped('x', x);
    const image = readAxes(input, this);
    const added = residual === undefined ? undefined : requireUntaped('residual', residual);
    if (added !== undefined) requireShape('residual', added, input.shape);
    return batchNormInference(input, image, this, { relu: true, residual: added }) as SameShapeAs<
      X,
      NoneTape
    >;
  }

  /**
   * Training with the operations that usually follow, `forwardMut(x).add(residual).relu()`, recorded as one
   * operation that takes one pass over memory in each direction. The results have the same bits. `Sequential`
   * does this by itself.
   *
   * @param x As for `forwardMut`.
   * @param residual Optional; of the same shape, with or without a tape.
   * @throws TypeError or RangeError as `forwardMut`; RangeError for a residual of another shape. Nothing has
   * changed then.
   */
  forwardMutRelu<X extends Tensor<Shape, Tape>, A extends Tensor<Shape, Tape> = X>(
    x: X & Input<X, C, D, L, OwnedTape>,
    residual?: A & ResidualInput<X, A, Tape>,
  ): SameShapeAs<X, OwnedTape> {
    const input = requireTaped('x', x);
    const image = readAxes(input, this);
    const isFrozen = hasFrozenStatistics(this);
    const shared = this[trainingState].sharedPass;
    if (!isFrozen && shared === undefined) requireBatch('x', image, input.shape);
    const added = residual === undefined ? undefined : requireTensor('residual', residual);
    if (added !== undefined) requireShape('residual', added, input.shape);
    if (isFrozen) {
      const normalized = batchNormFrozen(input, image, this, true);
      return relu(added === undefined ? normalized : add(normalized, added)) as SameShapeAs<X, OwnedTape>;
    }
    const undo = changesAreNoted() ? this.keepStatistics() : undefined;
    const y = (shared ?? batchNormTraining)(input, image, this, weightOfBatch(this[trainingState]), {
      relu: true,
      residual: added,
    });
    if (undo !== undefined) noteChange(undo);
    this[trainingState].batches++;
    return y as SameShapeAs<X, OwnedTape>;
  }

  /** Returns a deep copy of the same class. Its tensors have fresh ids. */
  override clone(): this {
    const copy = super.clone();
    Object.defineProperty(copy, trainingState, { value: { ...this[trainingState], averaging: false } });
    return copy;
  }

  /**
   * Sets scale and variance to ones, bias and mean to zeros. The generator, which other layers draw from, is
   * not used.
   */
  protected override initialize(_rng: RandomSource): void {
    if (this.scale !== undefined) fill(this.scale, 1);
    if (this.bias !== undefined) fill(this.bias, 0);
    this.resetStatistics();
  }

  /** @internal `momentum.npy` is NaN if cumulative; only then is there a `num_batches_tracked.npy`. */
  override [storedNumbers](): readonly StoredNumber[] {
    const momentum = this[trainingState].momentum;
    return [
      ...super[storedNumbers](),
      {
        name: 'momentum',
        expected: 'a number from 0 to 1, or NaN for cumulative',
        fits: (value) => Number.isNaN(value) || (value >= 0 && value <= 1),
        value: momentum === 'cumulative' ? NaN : momentum,
        set: (value) => (this[trainingState].momentum = Number.isNaN(value) ? 'cumulative' : value),
      },
      {
        name: 'num_batches_tracked',
        expected: 'a number of batches',
        fits: (value) => Number.isSafeInteger(value) && value >= 0,
        value: this[trainingState].batches,
        written: momentum === 'cumulative',
        set: (value) => (this[trainingState].batches = value),
      },
    ];
  }

  /** @internal */
  [runningStatistics](): RunningStatistics {
    return {
      owner: this,
      mean: this.runningMean,
      keep: () => this.keepStatistics(),
      average: () => this.averageStatistics(),
      batches: () => this[trainingState].batches,
      setBatches: (count) => (this[trainingState].batches = count),
      shareTraining: (pass) => (this[trainingState].sharedPass = pass),
    };
  }

  /** @internal */
  [canFuse](): boolean {
    return true;
  }

  /** @internal */
  [fusedForward](x: unknown, residual: ResidualSource<NoneTape> | undefined): unknown {
    return this.forwardRelu(x as never, residual?.(this.requireImage(x)) as never);
  }

  /** @internal */
  [fusedForwardMut](x: unknown, residual: ResidualSource<Tape> | undefined): unknown {
    return this.forwardMutRelu(x as never, residual?.(this.requireImage(x)) as never);
  }

  /** Reads settings and tensors from the JSON of a layer of the same class, in place. */
  protected readJson(reader: JsonReader): void {
    this.epsilon = requirePositive(reader.place('epsilon'), reader.field('epsilon'));
    this.momentum = readMomentum(reader.place('momentum'), reader.field('momentum'));
    this[trainingState].batches = reader.integer('batches', 0);
    readTensors(this, reader);
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    const own = super[describeLayer]();
    return {
      ...own,
      details: {
        ...own.details,
        momentum: this[trainingState].momentum,
        batches: this[trainingState].batches,
      },
    };
  }

  private requireImage(x: unknown): Tensor<Shape, Tape> {
    const input = requireTensor('x', x);
    readAxes(input, this);
    return input;
  }

  private resetStatistics(): void {
    fill(this.runningMean, 0);
    fill(this.runningVar, 1);
    this[trainingState].batches = 0;
  }

  private keepStatistics(): () => void {
    const mean = copyOf(this.runningMean);
    const variance = copyOf(this.runningVar);
    const batches = this[trainingState].batches;
    return () => {
      set(this.runningMean, mean);
      set(this.runningVar, variance);
      this[trainingState].batches = batches;
    };
  }

  private averageStatistics(): () => void {
    if (this[trainingState].averaging) {
      throw plainError(
        'ERR_BATCHNORM_BUSY',
        `Expected no other recalibrate() to run on this ${layerType(this)}. Await the one before`,
      );
    }
    this.resetStatistics();
    this[trainingState].averaging = true;
    return () => {
      this[trainingState].averaging = false;
    };
  }
}

/** Whether training, too, normalizes with the running statistics, because `freeze()` was called. */
function hasFrozenStatistics({ runningMean, runningVar }: BatchNormState): boolean {
  return !requiresGradient(runningMean) || !requiresGradient(runningVar);
}

/** Weight of the next batch in the running statistics. */
function weightOfBatch({ momentum, batches, averaging }: TrainingState): number {
  return averaging || momentum === 'cumulative' ? 1 / (batches + 1) : momentum;
}

function readMomentum(argument: string, value: unknown): number | 'cumulative' {
  return value === 'cumulative' ? value : requireFraction(argument, value);
}

function fill(tensor: Tensor<Shape>, value: number): void {
  const storage = storageOf(tensor);
  storage.values.fill(value);
  storage.version++;
}

function copyOf(tensor: Tensor<Shape>): Float32Array {
  const { values } = storageOf(tensor);
  const copy = freshFloats('a copy of running statistics', values.length);
  copy.set(values);
  return copy;
}

function set(tensor: Tensor<Shape>, values: Float32Array): void {
  const storage = storageOf(tensor);
  storage.values.set(values);
  storage.version++;
}
