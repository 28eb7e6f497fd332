import { consumeGradients, Gradients } from '../autograd/gradients.js';
import { wrongType } from '../errors.js';
import type { CanUpdateWithGradients } from '../nn/module.js';
import type { Shape } from '../tensor/shape.js';
import { createTensor, storageOf, type Tensor } from '../tensor/tensor.js';
import { Storage } from '../tensor/storage.js';
import type { NoneTape } from '../tensor/tape.js';
import { type GradientProvider, UnusedTensors } from './gradient-provider.js';
import { UnusedParamsError } from './unused-params-error.js';

/** One step of an optimizer, in place: changes `parameter` from `gradient`. `key` identifies the
 * parameter from step to step. */
export type Step = (parameter: Float32Array, gradient: Float32Array, key: object) => void;

/**
 * Checks that every parameter of the module has a gradient, then steps them all and consumes the
 * gradients. Where the check fails nothing has changed.
 */
export function updateModule(
  module: CanUpdateWithGradients,
  gradients: Gradients,
  step: Step,
): void {
  requireModule(module);
  if (!(gradients instanceof Gradients)) throw wrongType('gradients', 'Gradients', gradients);
  gradients.requireUnconsumed();

  const missing = offeredParameters(module).filter((p) => gradients.get(p) === undefined);
  if (missing.length > 0) throw new UnusedParamsError(missing.map((p) => nameOf(p, module)));
  module.update(new SteppingProvider(gradients, step), new UnusedTensors());
  consumeGradients(gradients);
}

/** The parameters that `module.update` offers to a provider; one without gradients changes none. */
function offeredParameters(module: CanUpdateWithGradients): Tensor<Shape>[] {
  const offered: Tensor<Shape>[] = [];
  module.update(
    {
      gradient(parameter) {
        offered.push(parameter);
        return undefined;
      },
    },
    new UnusedTensors(),
  );
  return offered;
}

/** Steps in place; for modules that ask for the gradient and subtract it themselves, steps a copy. */
class SteppingProvider implements GradientProvider {
  constructor(
    private readonly gradients: Gradients,
    private readonly rule: Step,
  ) {}

  step(parameter: Tensor<Shape>): boolean {
    const gradient = this.gradients.get(parameter);
    if (gradient === undefined) return false;
    const storage = storageOf(parameter);
    this.rule(storage.values, storageOf(gradient).values, storage);
    storage.version++;
    return true;
  }

  gradient<S extends Shape>(parameter: Tensor<S>): Tensor<S> | undefined {
    const gradient = this.gradients.get(parameter);
    if (gradient === undefined) return undefined;
    const storage = storageOf(parameter);
    const before = storage.values;
    const change = Storage.take(before.length);
    change.values.set(before);
    this.rule(change.values, storageOf(gradient).values, storage);
    for (let i = 0; i < before.length; i++) change.values[i] = before[i] - change.values[i];
    return createTensor<S, NoneTape>(parameter.shape, change, undefined);
  }
}

function requireModule(module: unknown): void {
  const candidate = module as Partial<CanUpdateWithGradients> | null | undefined;
  if (typeof candidate?.update !== 'function' || typeof candidate.parameters !== 'function') {
    throw wrongType('module', 'an object with update() and parameters()', module);
  }
}

function nameOf(parameter: Tensor<Shape>, module: CanUpdateWithGradients): string {
  const found = module.parameters().find(([, { id }]) => id === parameter.id);
  return found?.[0] ?? `a tensor of shape [${parameter.shape.join(', ')}]`;
}
