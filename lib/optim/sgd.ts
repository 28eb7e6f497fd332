import type { Gradients } from '../autograd/gradients.js';
import { backend } from '../backend/index.js';
import { requireFraction, requireNonNegative, requireOptions, requirePositive } from '../errors.js';
import type { CanUpdateWithGradients } from '../nn/module.js';
import { updateModule } from './optimizer.js';

export interface SgdOptions {
  /** Learning rate. Default 0.01. */
  readonly lr?: number;
  /** A number is classic momentum; `nesterov` looks ahead. Default none. */
  readonly momentum?: number | { readonly nesterov: number };
  /** A number is L2, added to the gradient; `decoupled` shrinks the parameter itself. Default none. */
  readonly weightDecay?: number | { readonly decoupled: number };
}

/**
 * Stochastic gradient descent, with dfdx 0.10's formulas for a parameter p with gradient g:
 *
 *     g = g + l2 * p
 *     v = momentum * v + g
 *     p = p - lr * (v, or g + momentum * v for Nesterov, or g without momentum)
 *     p = p - lr * decoupled * p   (with the p from before)
 */
export class Sgd {
  #lr: number;
  readonly #momentum: number | undefined;
  readonly #nesterov: boolean;
  readonly #l2: number;
  readonly #decoupled: number;
  /** By the parameter's storage, so that a parameter's velocity goes when it goes. */
  readonly #velocities = new WeakMap<object, Float32Array>();

  /** @throws TypeError or RangeError naming the option that is wrong. */
  constructor(options?: SgdOptions) {
    const given = requireOptions('options', options, ['lr', 'momentum', 'weightDecay']);
    this.#lr = requirePositive('lr', given.lr ?? 0.01);

    const { momentum, weightDecay } = given;
    this.#nesterov = typeof momentum === 'object' && momentum !== null;
    this.#momentum =
      momentum === undefined
        ? undefined
        : this.#nesterov
          ? requireFraction(
              'momentum.nesterov',
              requireOptions('momentum', momentum, ['nesterov']).nesterov,
            )
          : requireFraction('momentum', momentum);

    const decoupled = typeof weightDecay === 'object' && weightDecay !== null;
    this.#l2 = decoupled ? 0 : requireNonNegative('weightDecay', weightDecay ?? 0);
    this.#decoupled = decoupled
      ? requireNonNegative(
          'weightDecay.decoupled',
          requireOptions('weightDecay', weightDecay, ['decoupled']).decoupled,
        )
      : 0;
  }

  /** Learning rate; may be changed between steps. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    this.#lr = requirePositive('lr', value);
  }

  /**
   * One step of every parameter of the module, in place. Consumes the gradients.
   * @throws UnusedParamsError where a parameter has no gradient; nothing has changed then.
   */
  update(module: CanUpdateWithGradients, gradients: Gradients): void {
    updateModule(module, gradients, (parameter, gradient, key) => {
      backend.sgdStep(
        parameter.length,
        this.#lr,
        this.#l2,
        this.#decoupled,
        this.#momentum ?? 0,
        this.#nesterov,
        parameter,
        gradient,
        this.#velocity(key, parameter.length),
      );
    });
  }

  #velocity(key: object, length: number): Float32Array | null {
    if (this.#momentum === undefined) return null;
    let velocity = this.#velocities.get(key);
    if (velocity === undefined) {
      velocity = new Float32Array(length);
      this.#velocities.set(key, velocity);
    }
    return velocity;
  }
}
