import { requirePositive } from '../../validation/errors.js';
import { storedEpsilon } from '../../ops/batch-norm-state.js';
import type { Shape } from '../../core/shape.js';
import type { Tensor } from '../../core/tensor.js';
import { BaseModule } from '../base-module.js';
import { type StoredNumber, storedNumbers } from '../npz-members.js';
import { guardMethods } from '../../validation/guard-methods.js';

/** The type of a scale or a bias: undefined in a layer with `affine: false`. */
export type Affine<S extends Shape, A extends boolean> = A extends true ? Tensor<S> : undefined;

/** Base class of all norms: epsilon, and the names of the parameters in PyTorch. */
export abstract class Norm extends BaseModule {
  static {
    guardMethods(this);
  }

  /**
   * @internal Not a private field, because copies are made without the constructor; an object of its own, so that a layer may
   * be frozen with Object.freeze().
   */
  [storedEpsilon] = { value: 1e-5 };

  /** Added to the variance before taking the square root. Default 1e-5. */
  get epsilon(): number {
    return this[storedEpsilon].value;
  }

  set epsilon(value: number) {
    this[storedEpsilon].value = requirePositive('epsilon', value);
  }

  /** Returns a deep copy of the same class. Its tensors have fresh ids. */
  override clone(): this {
    const copy = super.clone();
    Object.defineProperty(copy, storedEpsilon, { value: { ...this[storedEpsilon] } });
    return copy;
  }

  /** `weight` and `bias`. */
  protected override pyTorchName(key: string): string {
    return key === 'scale' ? 'weight' : key;
  }

  /** @internal */
  override [storedNumbers](): readonly StoredNumber[] {
    return [
      {
        name: 'epsilon',
        expected: 'a positive finite number',
        fits: (value) => value > 0 && Number.isFinite(value),
        value: this.epsilon,
        set: (value) => (this.epsilon = value),
      },
    ];
  }
}
