import { requirePositive, wrongShape } from '../../validation/errors.js';
import { requireReader, requireWriter } from '../../io/npz/archive-arguments.js';
import { NpzModule } from '../../io/npz/npz-module.js';
import type { NpzReader } from '../../io/npz/npz-reader.js';
import type { NpzWriter } from '../../io/npz/npz-writer.js';
import { type ImageShape, readImageShape } from '../../ops/image-shape.js';
import { formatShape, type Shape } from '../../core/shape.js';
import type { Tape } from '../../core/tape.js';
import { storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import type { ImageProblem } from '../input.js';
import type { NamedTensor } from '../module.js';
import type { shapeRule, ShapeRule } from '../shape-rule.js';
import { nameForPyTorch } from '../pytorch-names.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Images of C channels keep their shape. */
interface ChannelRule<C extends number> extends ShapeRule {
  readonly accepts: readonly [number, C, number, number] | readonly [C, number, number];
  readonly output: this['input'];
  readonly problem: ImageProblem<this['input'], C>;
}

/** What batch norm layers of every mode have: four values per channel, and epsilon. */
export abstract class ChannelNorm<C extends number> extends NpzModule {
  static {
    guardMethods(this);
  }

  /** Factor after normalization, [C], learned; begins with ones. */
  readonly scale: Tensor1D<C>;
  /** Summand after normalization, [C], learned; begins with zeros. */
  readonly bias: Tensor1D<C>;
  /** Mean for inference, [C]: (1 - momentum) * runningMean + momentum * mean of each training batch.
   * Begins with zeros; not learned. */
  readonly runningMean: Tensor1D<C>;
  /** Variance for inference, [C], moved likewise towards each batch's variance divided by n - 1. Begins
   * with ones; not learned. */
  readonly runningVar: Tensor1D<C>;

  /** Exists only for the compiler. */
  declare readonly [shapeRule]: ChannelRule<C>;

  #epsilon = 1e-5;

  /** @param layer What messages call it. */
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
    nameForPyTorch(this.scale, 'weight');
    nameForPyTorch(this.runningMean, 'running_mean');
    nameForPyTorch(this.runningVar, 'running_var');
  }

  /** Added to the variance before the root is taken. Default 1e-5. */
  get epsilon(): number {
    return this.#epsilon;
  }

  set epsilon(value: number) {
    this.#epsilon = requirePositive('epsilon', value);
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

  /** Adds `scale.npy`, `bias.npy`, `running_mean.npy`, `running_var.npy` and `epsilon.npy`, each name
   * with `prefix` before each name. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    for (const [name, tensor] of this.#entries()) zip.tensor(`${prefix}${name}.npy`, tensor);
    zip.number(`${prefix}epsilon.npy`, this.#epsilon);
  }

  /** Reads what `write` writes, in place; epsilon may be missing, as in dfdx's files. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    return zip.together(async () => {
      for (const [name, tensor] of this.#entries()) await zip.tensor(`${prefix}${name}.npy`, tensor);
      const name = `${prefix}epsilon.npy`;
      if (!zip.has(name)) return;
      const epsilon = await zip.number(name, {
        expected: 'a positive finite number',
        fits: (value) => value > 0 && Number.isFinite(value),
      });
      zip.replace(
        () => this.#epsilon,
        (value) => (this.#epsilon = value),
        epsilon,
      );
    });
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { channels: this.scale.shape[0] }, details: { epsilon: this.#epsilon } };
  }

  /** Copies the tensors and epsilon of another layer. */
  protected copyFrom(other: ChannelNorm<C>): void {
    const theirs = other.parameters();
    for (const [i, [, tensor]] of this.parameters().entries()) {
      const storage = storageOf(tensor);
      storage.values.set(storageOf(theirs[i][1]).values);
      storage.version++;
    }
    this.#epsilon = other.#epsilon;
  }

  /** @throws RangeError for a wrong rank or number of channels. */
  protected readImage(x: Tensor<Shape, Tape>): ImageShape {
    const image = readImageShape('x', x.shape);
    const channels = this.scale.shape[0];
    if (image.channels !== channels) {
      throw wrongShape('x', `${channels} channels`, `${image.channels} (shape ${formatShape(x.shape)})`);
    }
    return image;
  }

  /** By the names of dfdx's fields. */
  #entries(): readonly NamedTensor[] {
    return [
      ['scale', this.scale],
      ['bias', this.bias],
      ['running_mean', this.runningMean],
      ['running_var', this.runningVar],
    ];
  }
}
