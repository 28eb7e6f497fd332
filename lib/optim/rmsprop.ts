import type { Gradients } from '../core/gradients.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import {
  requireBoolean,
  requireFraction,
  requireNonNegative,
  requireOptions,
  requirePositive,
} from '../validation/errors.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { updateModule, type UpdateOptions } from './optimizer.js';
import {
  learningRateCounter,
  type OptimizerState,
  readState,
  type ResumableOptimizer,
  writeState,
  printOptimizer,
} from './optimizer-state.js';
import { ParameterMemory } from './parameter-memory.js';
import { type DecayRates, readWeightDecay, type WeightDecay } from './weight-decay.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** Settings of a new `RMSprop`. */
export interface RMSpropOptions {
  /** Learning rate. Default 0.01. */
  readonly lr?: number;
  /** Decay rate of the mean of squared gradients. Default 0.9. */
  readonly alpha?: number;
  /** Added to that mean under the square root. Default 1e-8. */
  readonly epsilon?: number;
  /** Default none. */
  readonly momentum?: number;
  /** Whether to normalize by the variance: subtracts the squared mean of the gradients. Default false. */
  readonly centered?: boolean;
  /** Default none. */
  readonly weightDecay?: WeightDecay;
}

/**
 * RMSprop (Hinton, 2012), with dfdx 0.10's formulas for a parameter p with gradient g. They
 * are TensorFlow's, not PyTorch's: s starts at one, and epsilon is under the square root.
 *
 *     g = g + l2 * p
 *     s = alpha * s + (1 - alpha) * g^2
 *     a = alpha * a + (1 - alpha) * g         (0 where not centered)
 *     g = g / sqrt(s - a^2 + epsilon)
 *     m = momentum * m + g
 *     p = p - lr * (m, or g without momentum)
 *     p = p - lr * decoupled * p   (with p from before the step)
 */
export class RMSprop implements ResumableOptimizer {
  static {
    guardMethods(this);
    printOptimizer<RMSprop>(this.prototype, (optimizer) => optimizer.#state());
  }

  #lr: number;
  readonly #alpha: number;
  readonly #epsilon: number;
  readonly #momentum: number | undefined;
  readonly #centered: boolean;
  readonly #decay: DecayRates;
  readonly #means: ParameterMemory;

  /** @throws TypeError or RangeError naming the wrong option. */
  constructor(options?: RMSpropOptions) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    const names = ['lr', 'alpha', 'epsilon', 'momentum', 'centered', 'weightDecay'];
    const given = requireOptions('options', options, names);
    const { lr = 0.01, alpha = 0.9, epsilon = 1e-8, centered = false } = given;
    this.#lr = requireNonNegative('lr', lr);
    this.#alpha = requireFraction('alpha', alpha);
    this.#epsilon = requirePositive('epsilon', epsilon);
    this.#momentum = given.momentum === undefined ? undefined : requireFraction('momentum', given.momentum);
    this.#centered = requireBoolean('centered', centered);
    this.#decay = readWeightDecay(given.weightDecay);
    // Mean square, velocity, mean gradient; those that the settings do not need are not allocated.
    this.#means = new ParameterMemory([
      1,
      ...(this.#momentum === undefined ? [] : [0]),
      ...(this.#centered ? [0] : []),
    ]);
  }

  /** Learning rate, 0 or more; may be changed between steps. A step at 0 changes only the optimizer's state. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    this.#lr = requireNonNegative('lr', value);
  }

  /**
   * Updates every parameter of the module in place and consumes the gradients.
   * @throws UnusedParamsError if a parameter has no gradient, unless `skipUnused` is set; nothing has changed then.
   */
  update(module: CanUpdateWithGradients, gradients: Gradients, options?: UpdateOptions): void {
    updateModule(module, gradients, options, this.#means, (parameter, gradient, [meanSquare, ...others]) => {
      backend.rmspropStep(
        parameter.length,
        this.#lr,
        this.#alpha,
        this.#epsilon,
        this.#momentum ?? 0,
        this.#decay.l2,
        this.#decay.decoupled,
        named('parameter', parameter),
        named('gradient', gradient),
        named('meanSquare', meanSquare),
        this.#momentum === undefined ? null : named('velocity', others[0]),
        this.#centered ? named('meanGradient', others[others.length - 1]) : null,
      );
    });
  }

  /** Adds the learning rate, the settings and the state of each parameter under `prefix` + `rmsprop.`. */
  write(zip: NpzWriter, prefix: string, module: CanUpdateWithGradients): void {
    writeState(zip, prefix, module, this.#state());
  }

  /**
   * Reads what `write` wrote, for the same module.
   * @throws FileFormatError for a different optimizer, different settings or different parameters.
   */
  read(zip: NpzReader, prefix: string, module: CanUpdateWithGradients): Promise<void> {
    return readState(zip, prefix, module, this.#state());
  }

  #state(): OptimizerState {
    return {
      kind: 'RMSprop',
      settings: {
        alpha: this.#alpha,
        epsilon: this.#epsilon,
        momentum: this.#momentum ?? 0,
        centered: this.#centered,
        l2: this.#decay.l2,
        decoupled: this.#decay.decoupled,
      },
      counters: { lr: learningRateCounter(this) },
      memory: this.#means,
      memoryNames: [
        'mean_square',
        ...(this.#momentum === undefined ? [] : ['velocity']),
        ...(this.#centered ? ['mean_gradient'] : []),
      ],
    };
  }
}
