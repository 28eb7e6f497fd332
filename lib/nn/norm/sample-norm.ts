import { orDefault, requireBoolean, requireOptions, requirePositive } from '../../validation/errors.js';
import type { JsonReader } from '../../json/json-reader.js';
import { groupNorm, type GroupShape } from '../../ops/group-norm.js';
import type { Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { type RandomSource, storageOf, Tensor } from '../../core/tensor.js';
import { guardMethods } from '../../validation/guard-methods.js';
import { readTensors } from '../read-tensors.js';
import { type Affine, Norm } from './norm.js';

/** Settings of a new norm that treats each sample by itself. */
export interface SampleNormOptions<A extends boolean = boolean> {
  /** Added to the variance before taking the square root. Default 1e-5. */
  readonly epsilon?: number;
  /** Whether the layer has learned parameters. */
  readonly affine?: A;
}

/**
 * Base class of norms that take the statistics of each sample by itself. They have no running statistics, and therefore no
 * modes: training and inference compute the same.
 */
export abstract class SampleNorm<S extends Shape, A extends boolean> extends Norm {
  static {
    guardMethods(this);
  }

  /** Factor after normalization; learned, initially ones. Undefined without learned parameters. */
  readonly scale: Affine<S, A>;

  /**
   * @param layer Name of the class in messages.
   * @param shape Of the parameters.
   * @param affine Default of the option.
   */
  protected constructor(layer: string, shape: S, affine: boolean, options: SampleNormOptions<A> | undefined) {
    super();
    const given = requireOptions('options', options, ['epsilon', 'affine']);
    if (given.epsilon !== undefined) this.epsilon = given.epsilon as number;
    const scaled = requireBoolean('affine', orDefault(given.affine, affine));
    this.scale = parameter<S, A>(layer, 'scale', scaled ? Tensor.ones(shape) : undefined);
  }

  /** Sets the scale to ones, and the bias to zeros. */
  protected override initialize(_rng: RandomSource): void {
    if (this.scale !== undefined) fill(this.scale, 1);
  }

  /** Reads settings and tensors from the JSON of a layer of the same class, in place. */
  protected readJson(reader: JsonReader): void {
    this.epsilon = requirePositive(reader.place('epsilon'), reader.field('epsilon'));
    readTensors(this, reader);
  }
}

/** Base class of such norms that have a bias, too, and subtract the mean. */
export abstract class CenteredSampleNorm<S extends Shape, A extends boolean> extends SampleNorm<S, A> {
  static {
    guardMethods(this);
  }

  /** Added after normalization; learned, initially zeros. Undefined without learned parameters. */
  readonly bias: Affine<S, A>;

  /**
   * @param layer Name of the class in messages.
   * @param shape Of the parameters.
   * @param affine Default of the option.
   */
  protected constructor(layer: string, shape: S, affine: boolean, options: SampleNormOptions<A> | undefined) {
    super(layer, shape, affine, options);
    const zeros = this.scale === undefined ? undefined : Tensor.zeros(shape);
    this.bias = parameter<S, A>(layer, 'bias', zeros);
  }

  /** Sets the scale to ones and the bias to zeros. */
  protected override initialize(rng: RandomSource): void {
    super.initialize(rng);
    if (this.bias !== undefined) fill(this.bias, 0);
  }
}

/** Not a method, since the guards around methods take noticeable time for small inputs. */
export function normalizeGroups<T extends Tape>(
  x: Tensor<Shape, T>,
  shape: GroupShape,
  norm: CenteredSampleNorm<Shape, boolean>,
): Tensor<Shape, T> {
  const { scale, bias } = norm;
  return groupNorm(x, shape, { scale, bias, epsilon: norm.epsilon, centered: true });
}

/** Reads the option `affine` from JSON, and checks the length of the array `scale` before anything is allocated. */
export function readAffine(reader: JsonReader, length: number): boolean {
  const affine = requireBoolean(reader.place('affine'), reader.field('affine'));
  if (affine) reader.array('scale', length);
  return affine;
}

function parameter<S extends Shape, A extends boolean>(
  layer: string,
  field: string,
  tensor: Tensor<S> | undefined,
): Affine<S, A> {
  if (tensor !== undefined) storageOf(tensor).label = `${field} of ${layer}`;
  return tensor as Affine<S, A>;
}

function fill(tensor: Tensor<Shape>, value: number): void {
  const storage = storageOf(tensor);
  storage.values.fill(value);
  storage.version++;
}
