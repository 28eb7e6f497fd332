import { storedEpsilon } from '../../ops/batch-norm.js';
import { storageOf, Tensor, type Tensor1D } from '../../core/tensor.js';
import { requireSize } from '../../core/values.js';
import { describeLayer, type LayerDescription } from '../layer-description.js';
import { Norm } from './norm.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** Base class of norms that always have a scale and a bias per channel. */
export abstract class AffineNorm<C extends number> extends Norm {
  static {
    guardMethods(this);
  }

  /** Factor after normalization, [C]; learned, initially ones. */
  readonly scale: Tensor1D<C>;
  /** Added after normalization, [C]; learned, initially zeros. */
  readonly bias: Tensor1D<C>;

  /** @param layer Name of the class in messages. */
  protected constructor(layer: string, channels: C) {
    super();
    requireSize('channels', channels);
    this.scale = labelled(layer, 'scale', Tensor.ones([channels]));
    this.bias = labelled(layer, 'bias', Tensor.zeros([channels]));
  }

  /** @internal */
  override [describeLayer](): LayerDescription {
    return { sizes: { channels: this.scale.shape[0] }, details: { epsilon: this[storedEpsilon] } };
  }

  /** Copies the parameters and epsilon of another layer. */
  protected copyFrom(other: AffineNorm<C>): void {
    copyValues(other.scale, this.scale);
    copyValues(other.bias, this.bias);
    this[storedEpsilon] = other[storedEpsilon];
  }
}

/** The tensor, which errors call by the name of its field and layer. */
export function labelled<C extends number>(layer: string, field: string, tensor: Tensor1D<C>): Tensor1D<C> {
  storageOf(tensor).label = `${field} of ${layer}`;
  return tensor;
}

export function copyValues<C extends number>(from: Tensor1D<C>, to: Tensor1D<C>): void {
  const storage = storageOf(to);
  storage.values.set(storageOf(from).values);
  storage.version++;
}
