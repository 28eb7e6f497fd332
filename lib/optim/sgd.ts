import type { Gradients } from '../core/gradients.js';
import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { requireFraction, requireNonNegative, requireOptions } from '../validation/errors.js';
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

/** Nesterov's accelerated gradient (1983). */
export interface NesterovMomentum {
  /** From 0 to 1. */
  readonly nesterov: number;
}

/** A group of parameters with options that override those of `Sgd`. */
export type SgdGroup = ParameterGroup & Pick<SgdOptions, 'momentum' | 'weightDecay'>;

/** Settings of a new `Sgd`. */
export interface SgdOptions {
  /** Learning rate. Default 0.01. */
  readonly lr?: number;
  /** A number for classic momentum, `{ nesterov }` for Nesterov's. Default none. */
  readonly momentum?: number | NesterovMomentum;
  /** Default none. */
  readonly weightDecay?: WeightDecay;
  /** Parameters with other options. A parameter belongs to the first group that matches. Default none. */
  readonly groups?: readonly SgdGroup[];
}

/** The options that a group may override, besides `lr`. */
const overridable = ['momentum', 'weightDecay'];

type SgdSettings = Readonly<Record<'momentum' | 'l2' | 'decoupled', number>> & { readonly nesterov: boolean };

/**
 * Stochastic gradient descent, with dfdx 0.10's formulas for a parameter p with gradient g:
 *
 *     g = g + l2 * p
 *     v = momentum * v + g
 *     p = p - lr * (v, or g + momentum * v for Nesterov, or g without momentum)
 *     p = p - lr * decoupled * p   (with p from before the step)
 */
export class Sgd implements ResumableOptimizer {
  static {
    guardMethods(this);
    printOptimizer<Sgd>(this.prototype, (optimizer) => optimizer.#state());
  }

  #lr: number;
  readonly #groups: ParameterGroups<SgdSettings>;
  readonly #velocities: ParameterMemory;

  /** @throws TypeError or RangeError naming the wrong option. */
  constructor(options?: SgdOptions) {
    if (arguments.length > 1) requireNoSurplus(`new ${new.target.name}`, 1, arguments);
    const given = requireOptions('options', options, ['lr', ...overridable, 'groups']);
    const { lr = 0.01 } = given;
    this.#lr = requireNonNegative('lr', lr);
    this.#groups = new ParameterGroups(given, this.#lr, overridable, readSettings);
    const hasMomentum =
      given.momentum !== undefined || this.#groups.groups.some(({ settings }) => settings.momentum !== 0);
    this.#velocities = new ParameterMemory(hasMomentum ? [0] : []);
  }

  /** @internal */
  get [groupsOf](): ParameterGroups<SgdSettings> {
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
    updateModule(
      module,
      gradients,
      options,
      this.#velocities,
      groups,
      (parameter, gradient, memory, rule) => {
        const { l2, decoupled, momentum, nesterov } = rule.settings;
        const velocity = memory.at(0);
        backend.sgdStep(
          parameter.length,
          this.#lr * rule.lrFactor,
          l2,
          decoupled,
          momentum,
          nesterov,
          named('parameter', parameter),
          named('gradient', gradient),
          velocity === undefined ? null : named('velocity', velocity),
        );
      },
    );
  }

  /** Adds the learning rate, the settings and, with momentum, the velocity of each parameter under `prefix` + `sgd.`. */
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
      kind: 'Sgd',
      settings: this.#groups.base.settings,
      groups: this.#groups,
      counters: { lr: learningRateCounter(this) },
      memory: this.#velocities,
      memoryNames: ['velocity'],
    };
  }
}

function readSettings(given: Readonly<Record<string, unknown>>, at: string): SgdSettings {
  const { momentum, weightDecay } = given;
  const nesterov = typeof momentum === 'object' && momentum !== null;
  const argument = `${at}momentum`;
  return {
    momentum: nesterov
      ? requireFraction(`${argument}.nesterov`, requireOptions(argument, momentum, ['nesterov']).nesterov)
      : requireFraction(argument, momentum === undefined ? 0 : momentum),
    nesterov,
    ...readWeightDecay(`${at}weightDecay`, weightDecay),
  };
}
