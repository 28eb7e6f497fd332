import type { Gradients } from '../core/gradients.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import {
  requireBoolean,
  requireFraction,
  requireNonNegative,
  requireOptions,
  requirePositive,
  wrongType,
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

/** A group of parameters with options that override those of `Adam`. */
export type AdamGroup = ParameterGroup & Pick<AdamOptions, 'betas' | 'epsilon' | 'weightDecay'>;

/** Settings of a new `Adam`. */
export interface AdamOptions {
  /** Learning rate. Default 0.001. */
  readonly lr?: number;
  /** Decay rates of the two moments, each in [0, 1). Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the square root of the second moment. Default 1e-8. */
  readonly epsilon?: number;
  /** Default none; `{ decoupled }` makes it AdamW. */
  readonly weightDecay?: WeightDecay;
  /** Whether to divide by the largest second moment so far instead of the last (Reddi et al., 2018). Default false. */
  readonly amsgrad?: boolean;
  /** Parameters with other options. A parameter belongs to the first group that matches. Default none. */
  readonly groups?: readonly AdamGroup[];
}

/** The options that a group may override, besides `lr`. */
const overridable = ['betas', 'epsilon', 'weightDecay'];

type AdamSettings = Readonly<Record<'beta1' | 'beta2' | 'epsilon' | 'l2' | 'decoupled', number>>;

/**
 * Adam (Kingma and Ba, 2015), with dfdx 0.10's formulas for a parameter p with gradient g in step t:
 *
 *     g = g + l2 * p
 *     m = beta1 * m + (1 - beta1) * g
 *     v = beta2 * v + (1 - beta2) * g^2
 *     p = p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *     p = p - lr * decoupled * p   (with p from before the step)
 *
 * With `amsgrad`, the largest v of all steps so far takes the place of v in the fourth line, as in PyTorch.
 */
export class Adam implements ResumableOptimizer {
  static {
    guardMethods(this);
    printOptimizer<Adam>(this.prototype, (optimizer) => optimizer.#state());
  }

  #lr: number;
  readonly #groups: ParameterGroups<AdamSettings>;
  readonly #amsgrad: boolean;
  readonly #moments: ParameterMemory;
  #steps = 0;

  /** @throws TypeError or RangeError naming the wrong option. */
  constructor(options?: AdamOptions) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    const given = requireOptions('options', options, ['lr', ...overridable, 'amsgrad', 'groups']);
    const { lr = 0.001, amsgrad = false } = given;
    this.#lr = requireNonNegative('lr', lr);
    this.#amsgrad = requireBoolean('amsgrad', amsgrad);
    this.#groups = new ParameterGroups(given, this.#lr, overridable, readSettings);
    this.#moments = new ParameterMemory(this.#amsgrad ? [0, 0, 0] : [0, 0]);
  }

  /** @internal */
  get [groupsOf](): ParameterGroups<AdamSettings> {
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
    const steps = this.#steps + 1;
    const groups = this.#groups;
    updateModule(module, gradients, options, this.#moments, groups, (parameter, gradient, memory, rule) => {
      const { beta1, beta2, epsilon, l2, decoupled } = rule.settings;
      backend.adamStep(
        parameter.length,
        this.#lr * rule.lrFactor,
        beta1,
        beta2,
        1 / (1 - beta1 ** steps),
        1 / (1 - beta2 ** steps),
        epsilon,
        l2,
        decoupled,
        named('parameter', parameter),
        named('gradient', gradient),
        named('moment1', memory[0]),
        named('moment2', memory[1]),
        this.#amsgrad ? named('maxMoment2', memory[2]) : null,
      );
    });
    this.#steps = steps;
  }

  /** Adds the learning rate, the settings, the step count and the moments of each parameter under `prefix` + `adam.`. */
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
      kind: 'Adam',
      // Only if true, so that older checkpoints stay valid.
      settings: { ...this.#groups.base.settings, ...(this.#amsgrad ? { amsgrad: true } : {}) },
      groups: this.#groups,
      counters: {
        lr: learningRateCounter(this),
        steps: {
          value: this.#steps,
          expected: 'a number of steps',
          fits: (value) => Number.isSafeInteger(value) && value >= 0,
          set: (value) => (this.#steps = value),
        },
      },
      memory: this.#moments,
      memoryNames: ['moment1', 'moment2', ...(this.#amsgrad ? ['max_moment2'] : [])],
    };
  }
}

function readSettings(given: Readonly<Record<string, unknown>>, at: string): AdamSettings {
  const { betas = [0.9, 0.999], epsilon = 1e-8, weightDecay } = given;
  const [beta1, beta2] = readBetas(`${at}betas`, betas);
  return {
    beta1,
    beta2,
    epsilon: requirePositive(`${at}epsilon`, epsilon),
    ...readWeightDecay(`${at}weightDecay`, weightDecay),
  };
}

function readBetas(argument: string, betas: unknown): readonly [number, number] {
  if (!Array.isArray(betas) || betas.length !== 2) {
    throw wrongType(argument, 'an array of two numbers', betas);
  }
  return [
    requireFraction(`${argument}[0]`, betas[0], true),
    requireFraction(`${argument}[1]`, betas[1], true),
  ];
}
