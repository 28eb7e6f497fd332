import type { ImageShape } from '../../ops/image-shape.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import { orDefault, requireBoolean } from '../../validation/errors.js';
import { type IdentityAffine, identityAffine } from '../../ops/batch-norm-state.js';
import { type AxesProblem, type AxesShapes, readAxesShape, type SpatialAxes } from './axes.js';
import { type Affine, Norm } from './norm.js';
import type { JsonReader } from '../../json/json-reader.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { npzName } from '../members.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Accepts tensors of C channels and D spatial axes, and keeps their shape. */
interface ChannelRule<C extends number, D extends SpatialAxes, L extends boolean> extends ShapeRule {
  readonly accepts: AxesShapes<C, D, L>;
  readonly output: this['input'];
  readonly problem: AxesProblem<this['input'], C, D, L>;
}

/** Name of the field with the number of spatial axes. Not private, because copies are made without the constructor. */
const spatialAxes = Symbol('spatialAxes');

/** Names in the files of dfdx and in PyTorch's state dicts. */
const statisticsNames: Readonly<Record<string, string>> = {
  runningMean: 'running_mean',
  runningVar: 'running_var',
};

/**
 * Base class of batch norm layers: a norm with running statistics of each channel and, unless it was created with
 * `affine: false`, with a scale and a bias of each channel.
 */
export abstract class ChannelNorm<
  C extends number,
  D extends SpatialAxes,
  A extends boolean = true,
  L extends boolean = false,
> extends Norm {
  static {
    guardMethods(this);
  }

  /** Factor after normalization, [C]; learned, initially ones. Undefined with `affine: false`. */
  readonly scale: Affine<readonly [C], A>;
  /** Added after normalization, [C]; learned, initially zeros. Undefined with `affine: false`. */
  readonly bias: Affine<readonly [C], A>;
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
  declare readonly [shapeRule]: ChannelRule<C, D, L>;

  /** Whether the channels are the last axis of inputs instead of the first one of a sample. */
  readonly channelsLast: L;

  /** @internal */
  readonly [spatialAxes]: D;
  /** @internal */
  readonly [identityAffine]: IdentityAffine | undefined;

  /**
   * @param layer Name of the class in messages.
   * @param given The options, of which the names are checked.
   */
  protected constructor(layer: string, channels: C, axes: D, given: Readonly<Record<string, unknown>>) {
    super();
    requireSize('channels', channels);
    const isAffine = requireBoolean('affine', orDefault(given.affine, true));
    this.channelsLast = requireBoolean('channelsLast', orDefault(given.channelsLast, false)) as L;
    const scale = labeled(layer, 'scale', Tensor.ones([channels]));
    const bias = labeled(layer, 'bias', Tensor.zeros([channels]));
    this.scale = (isAffine ? scale : undefined) as Affine<readonly [C], A>;
    this.bias = (isAffine ? bias : undefined) as Affine<readonly [C], A>;
    this[identityAffine] = isAffine ? undefined : { scale, bias };
    this[spatialAxes] = axes;
    this.runningMean = labeled(layer, 'runningMean', Tensor.zeros([channels]));
    this.runningVar = labeled(layer, 'runningVar', Tensor.ones([channels]));
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

  /** @internal */
  override [describeLayer](): LayerDescription {
    const affine = this.scale === undefined ? { affine: false } : {};
    return {
      sizes: { channels: this.runningMean.shape[0] },
      ...(this.channelsLast ? { settings: { channelsLast: true } } : {}),
      details: { epsilon: this.epsilon, ...affine },
    };
  }

  /** Copies epsilon and the tensors of another layer that has a scale and a bias if this one does. */
  protected copyFrom(other: ChannelNorm<C, D, A, L>): void {
    this.epsilon = other.epsilon;
    if (this.scale !== undefined && other.scale !== undefined) copyValues(other.scale, this.scale);
    if (this.bias !== undefined && other.bias !== undefined) copyValues(other.bias, this.bias);
    copyValues(other.runningMean, this.runningMean);
    copyValues(other.runningVar, this.runningVar);
  }
}

/** The tensor, which errors call by the name of its field and layer. */
function labeled<C extends number>(layer: string, field: string, tensor: Tensor1D<C>): Tensor1D<C> {
  storageOf(tensor).label = `${field} of ${layer}`;
  return tensor;
}

function copyValues<C extends number>(from: Tensor1D<C>, to: Tensor1D<C>): void {
  const storage = storageOf(to);
  storage.values.set(storageOf(from).values);
  storage.version++;
}

/**
 * Checks the shape of an input of a norm. Not a method, since the guards around methods take noticeable time for small inputs.
 * @throws RangeError for a wrong rank or number of channels.
 */
export function readAxes(
  x: Tensor<Shape, Tape>,
  norm: {
    readonly runningMean: Tensor1D<number>;
    readonly channelsLast: boolean;
    readonly [spatialAxes]: SpatialAxes;
  },
): ImageShape {
  return readAxesShape('x', x.shape, norm.runningMean.shape[0], norm[spatialAxes], norm.channelsLast);
}

/** Whether a value is a batch norm layer of tensors with this many spatial axes. */
export function isChannelNorm(value: unknown, axes: SpatialAxes): boolean {
  return value instanceof ChannelNorm && value[spatialAxes] === axes;
}

/** The arguments of a norm's constructor. */
interface ChannelNormArguments {
  readonly channels: number;
  readonly options: { readonly affine: boolean; readonly channelsLast: boolean };
}

/** Reads the arguments from the JSON of a norm, which has only the options that are not the default. */
export function readChannelNorm(reader: JsonReader): ChannelNormArguments {
  const channels = reader.integer('channels', 1);
  const affine = requireBoolean(reader.place('affine'), orDefault(reader.field('affine'), true));
  // A short text may claim gigabytes, so the length of an array is checked before anything is allocated.
  reader.array(affine ? 'scale' : 'runningMean', channels);
  const channelsLast = requireBoolean(
    reader.place('channelsLast'),
    orDefault(reader.field('channelsLast'), false),
  );
  return { channels, options: { affine, channelsLast } };
}
