import type { Shape } from '../core/shape.js';
import type { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor, type Tensor1D } from '../core/tensor.js';
import { wrongType } from '../validation/errors.js';

/**
 * Key of a layer's epsilon. Operations read it directly, because an accessor with its guard takes as long as two arguments of
 * the kernel.
 */
export const storedEpsilon: unique symbol = Symbol('epsilon');

/** Key of the tensors that stand for the parameters of a layer without any. */
export const identityAffine: unique symbol = Symbol('identityAffine');

/** Ones and zeros, which the kernels read in place of a scale and a bias; they are not learned. */
export interface IdentityAffine {
  readonly scale: Tensor1D<number>;
  readonly bias: Tensor1D<number>;
}

/** A layer's parameters and running statistics, one value per channel each. */
export interface BatchNormState {
  readonly scale: Tensor1D<number> | undefined;
  readonly bias: Tensor1D<number> | undefined;
  /** Undefined if there are a scale and a bias. */
  readonly [identityAffine]: IdentityAffine | undefined;
  readonly runningMean: Tensor1D<number>;
  readonly runningVar: Tensor1D<number>;
  readonly [storedEpsilon]: { readonly value: number };
}

/**
 * Operations that run in the same pass over memory as the normalization. The results are bit-identical
 * to those of separate operations.
 */
export interface Fusion {
  /** y = max(0, normalized + residual) */
  readonly relu: true;
  /** Added before the ReLU; of the shape of x. */
  readonly residual: Tensor<Shape, Tape> | undefined;
}

/** The learned parameters of a layer. */
export function learnedOf({ scale, bias }: BatchNormState): readonly Tensor1D<number>[] {
  return scale === undefined || bias === undefined ? [] : [scale, bias];
}

/** The scale and the bias that the kernels read. */
export function affineOf(state: BatchNormState): { readonly scale: Storage; readonly bias: Storage } {
  const identity = state[identityAffine];
  const scale = state.scale ?? identity?.scale;
  const bias = state.bias ?? identity?.bias;
  if (scale === undefined) throw wrongType('scale', 'a Tensor', scale);
  if (bias === undefined) throw wrongType('bias', 'a Tensor', bias);
  return { scale: storageOf(scale), bias: storageOf(bias) };
}
