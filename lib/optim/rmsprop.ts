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
import { groupsOf, type ParameterGroup, ParameterGroups } from './parameter-groups.js';
import { ParameterMemory } from './parameter-memory.js';
import { readWeightDecay, type WeightDecay } from './weight-decay.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** A group of parameters with options that override those of `RMSprop`. */
export type RMSpropGroup = ParameterGroup &
  Pick<RMSpropOptions, 'alpha' | 'epsilon' | 'momentum' | 'weightDecay'>;

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
  /** Parameters with other options. A parameter belongs to the first group that matches. Default none. */
  readonly groups?: readonly RMSpropGroup[];
}

/** The options that a group may override, besides `lr`. */
const overridable = ['alpha', 'epsilon', 'momentum', 'weightDecay'];

type RMSpropSettings = Readonly<Record<'alpha' | 'epsilon' | 'momentum' | 'l2' | 'decoupled', number>> & {
  readonly centered: boolean;
};

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
  readonly #groups: ParameterGroups<RMSpropSettings>;
  readonly #hasMomentum: boolean;
  readonly #centered: boolean;
  readonly #means: ParameterMemory;

  /** @throws TypeError or RangeError naming the wrong option. */
  constructor(options?: RMSpropOptions) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    const given = requireOptions('options', options, ['lr', 'centered', ...overridable, 'groups']);
    const { lr = 0.01, centered = false } = given;
    this.#lr = requireNonNegative('lr', lr);
    this.#centered = requireBoolean('centered', centered);
    this.#groups = new ParameterGroups(given, this.#lr, overridable, (own, at) => ({
      ...readSettings(own, at),
      centered: this.#centered,
    }));
    this.#hasMomentum =
      given.momentum !== undefined || this.#groups.groups.some(({ settings }) => settings.momentum !== 0);
    // Mean square, velocity, mean gradient; those that the settings do not need are not allocated.
    this.#means = new ParameterMemory([1, ...(this.#hasMomentum ? [0] : []), ...(this.#centered ? [0] : [])]);
  }

  /** @internal */
  get [groupsOf](): ParameterGroups<RMSpropSettings> {
    return this.#groups;
  }

  /** Learning rate, 0 or more; may be changed between steps, which scales those of the groups, too. A step at 0 changes only the optimizer's state. */
  get lr(): number {
    return this.#lr;
  }

  set lr(value: number) {
    this.#lr = requireNonNegative('lr', value);
  }

  /**
   * Updates every parameter of the module in place and consumes the gradients.
   * @throws UnusedParamsError if a parameter has no gradient, unless it is frozen or `skipUnused` is set; RangeError if a
   * group matches no parameter of the module. Nothing has changed then.
   */
  update(module: CanUpdateWithGradients, gradients: Gradients, options?: UpdateOptions): void {
    const groups = this.#groups;
    updateModule(module, gradients, options, this.#means, groups, (parameter, gradient, memory, rule) => {
      const { alpha, epsilon, momentum, l2, decoupled } = rule.settings;
      const [meanSquare, ...others] = memory;
      backend.rmspropStep(
        parameter.length,
        this.#lr * rule.lrFactor,
        alpha,
        epsilon,
        momentum,
        l2,
        decoupled,
        named('parameter', parameter),
        named('gradient', gradient),
        named('meanSquare', meanSquare),
        this.#hasMomentum ? named('velocity', others[0]) : null,
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
      settings: this.#groups.base.settings,
      groups: this.#groups,
      counters: { lr: learningRateCounter(this) },
      memory: this.#means,
      memoryNames: [
        'mean_square',
        ...(this.#hasMomentum ? ['velocity'] : []),
        ...(this.#centered ? ['mean_gradient'] : []),
      ],
    };
  }
}

function readSettings(
  given: Readonly<Record<string, unknown>>,
  at: string,
): Omit<RMSpropSettings, 'centered'> {
  const { alpha = 0.9, epsilon = 1e-8, momentum = 0, weightDecay } = given;
  return {
    alpha: requireFraction(`${at}alpha`, alpha),
    epsilon: requirePositive(`${at}epsilon`, epsilon),
    momentum: requireFraction(`${at}momentum`, momentum),
    ...readWeightDecay(`${at}weightDecay`, weightDecay),
  };
}
