import { consumeGradients, Gradients, gradientStorage } from '../core/gradients.js';
import { detached, requireBoolean, requireOptions, wrongType } from '../validation/errors.js';
import { type CanUpdateWithGradients, readParameters } from '../module/module.js';
import { isFrozen } from '../nn/freeze.js';
import { readTrainable } from '../nn/trainable.js';
import type { Shape } from '../core/shape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { type GradientProvider, UnusedTensors } from '../module/gradient-provider.js';
import type { GroupRule, ParameterGroups, StepSettings } from './parameter-groups.js';
import type { ParameterMemory } from './parameter-memory.js';
import { UnusedParamsError } from '../module/unused-params-error.js';

/** Updates `parameter` in place from its `gradient` and its state arrays, by the rule of its group. */
export type Step<S extends StepSettings> = (
  parameter: Float32Array,
  gradient: Float32Array,
  memory: readonly Float32Array[],
  rule: GroupRule<S>,
) => void;

/** Settings of an optimizer's `update`. */
export interface UpdateOptions extends UnusedOptions {
  /** Whether the gradients stay valid, for another optimizer that updates other parameters. Default false. */
  readonly keepGradients?: boolean;
}

/** Options for parameters without a gradient. */
export interface UnusedOptions {
  /** Whether parameters without a gradient are left alone, as in PyTorch, instead of being an error. Default false. */
  readonly skipUnused?: boolean;
}

/**
 * Checks that every parameter of the module that is not frozen has a gradient, then updates all of them and consumes the
 * gradients. If the check fails nothing has changed.
 */
export function updateModule<S extends StepSettings>(
  module: CanUpdateWithGradients,
  gradients: Gradients,
  options: UpdateOptions | undefined,
  memories: ParameterMemory,
  groups: ParameterGroups<S>,
  step: Step<S>,
): void {
  const given = requireOptions('options', options, ['skipUnused', 'keepGradients']);
  const { skipUnused = false, keepGradients = false } = given;
  requireBoolean('skipUnused', skipUnused);
  requireBoolean('keepGradients', keepGradients);
  requireOperands(module, gradients);
  const { parameters: all, hasOwnUpdate } = readTrainable(module);
  const rules = groups.rulesOf(module, all);
  const ruleOf = (parameter: Tensor<Shape>) => rules.get(parameter.id) ?? groups.base;
  const trained = all.filter((parameter) => !isFrozen(parameter) && !ruleOf(parameter).freeze);
  const parameters = withGradients(module, gradients, trained, skipUnused === true);
  // Allocate all state before changing anything, since memory may run out.
  for (const parameter of parameters) {
    const storage = storageOf(parameter);
    if (storage.isDetached) throw detached(nameOf(parameter, module));
    if (memories.of(storage).some(({ isDetached }) => isDetached)) {
      throw detached(`the optimizer's memory of ${nameOf(parameter, module)}`);
    }
  }
  const provider = new SteppingProvider(gradients, memories, ruleOf, step);
  if (hasOwnUpdate) module.update(provider, new UnusedTensors());
  else for (const parameter of parameters) provider.step(parameter);
  if (!keepGradients) consumeGradients(gradients);
}

/**
 * The parameters of a module that are not frozen, each once, after checking that all their gradients can be read.
 * @throws UnusedParamsError naming those without one unless `skipUnused`, TypeError naming one whose array was
 * transferred.
 */
export function differentiatedParameters(
  module: CanUpdateWithGradients,
  gradients: Gradients,
  skipUnused: boolean,
  groups?: ParameterGroups<StepSettings>,
): readonly Tensor<Shape>[] {
  requireOperands(module, gradients);
  const { parameters } = readTrainable(module);
  const trained = groups?.trained(module, parameters) ?? parameters;
  return withGradients(
    module,
    gradients,
    trained.filter((parameter) => !isFrozen(parameter)),
    skipUnused,
  );
}

function requireOperands(module: unknown, gradients: unknown): void {
  requireModule(module);
  if (!(gradients instanceof Gradients)) throw wrongType('gradients', 'Gradients', gradients);
  gradients.requireUnconsumed();
}

function withGradients(
  module: CanUpdateWithGradients,
  gradients: Gradients,
  all: readonly Tensor<Shape>[],
  skipUnused: boolean,
): readonly Tensor<Shape>[] {
  const missing = new Set(all.filter((p) => gradientStorage(gradients, p) === undefined));
  if (missing.size > 0 && !skipUnused) {
    throw new UnusedParamsError([...missing].map((p) => nameOf(p, module)));
  }
  const parameters = all.filter((p) => !missing.has(p));
  for (const parameter of parameters) {
    if (gradientStorage(gradients, parameter)?.isDetached !== true) continue;
    throw detached(`the gradient of ${nameOf(parameter, module)}`);
  }
  return parameters;
}

/** Updates parameters in place. A module that asks for the gradient and subtracts it itself gets the step of a copy. A
 * parameter that several layers share is updated once. */
class SteppingProvider<S extends StepSettings> implements GradientProvider {
  readonly #stepped = new Set<Storage>();

  constructor(
    private readonly gradients: Gradients,
    private readonly memories: ParameterMemory,
    private readonly ruleOf: (parameter: Tensor<Shape>) => GroupRule<S>,
    private readonly update: Step<S>,
  ) {}

  /** The gradient and the rule of a parameter that this update changes. */
  #find(parameter: Tensor<Shape>): readonly [Storage, GroupRule<S>] | undefined {
    const gradient = gradientStorage(this.gradients, parameter);
    const rule = this.ruleOf(parameter);
    return gradient === undefined || rule.freeze || isFrozen(parameter) ? undefined : [gradient, rule];
  }

  /** Before any other values are read: allocating may make the memory of the backend grow, which empties its arrays. */
  #memoryOf(parameter: Storage): readonly Float32Array[] {
    return this.memories.of(parameter).map(({ values }) => values);
  }

  step(parameter: Tensor<Shape>): boolean {
    const found = this.#find(parameter);
    if (found === undefined) return false;
    const [gradient, rule] = found;
    const storage = storageOf(parameter);
    if (this.#stepped.has(storage)) return true;
    this.#stepped.add(storage);
    const memory = this.#memoryOf(storage);
    this.update(storage.values, gradient.values, memory, rule);
    storage.version++;
    return true;
  }

  gradient<T extends Shape>(parameter: Tensor<T>): Tensor<T> | undefined {
    const found = this.#find(parameter);
    if (found === undefined) return undefined;
    const [gradient, rule] = found;
    const storage = storageOf(parameter);
    const before = storage.values;
    const change = Storage.take(before.length);
    if (this.#stepped.has(storage)) {
      change.values.fill(0);
    } else {
      this.#stepped.add(storage);
      change.values.set(before);
      const memory = this.#memoryOf(storage);
      this.update(change.values, gradient.values, memory, rule);
      for (let i = 0; i < before.length; i++) change.values[i] = before[i] - change.values[i];
    }
    return createTensor<T, NoneTape>(parameter.shape, change, undefined);
  }
}

export function requireModule(module: unknown): void {
  const candidate = module as Partial<CanUpdateWithGradients> | null | undefined;
  if (typeof candidate?.update !== 'function' || typeof candidate.parameters !== 'function') {
    throw wrongType('module', 'an object with update() and parameters()', module);
  }
}

export function nameOf(parameter: Tensor<Shape>, module: CanUpdateWithGradients): string {
  const found = readParameters('module', module).find(([, { id }]) => id === parameter.id);
  return found?.[0] ?? `a tensor of shape [${parameter.shape.join(', ')}]`;
}
