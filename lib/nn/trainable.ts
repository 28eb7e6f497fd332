import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { type GradientProvider, UnusedTensors } from '../module/gradient-provider.js';
import { callSync } from '../validation/synchronous.js';
import { runPart } from './compose/part.js';
import { isFrozen } from './freeze.js';
import { hasMembers, membersOf } from './members.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { overrides } from './overriding.js';

/** The tensors that an optimizer updates. */
export interface Trainable {
  /** Each once, in the order in which `update` offers them. */
  readonly parameters: readonly Tensor<Shape>[];
  /** Whether a module has its own `update`, which a step must call. */
  readonly hasOwnUpdate: boolean;
}

/** The tensors that an optimizer updates unless they are frozen, each once, in the order in which `update` offers them. */
export function trainableParameters(module: object): readonly Tensor<Shape>[] {
  return readTrainable(module).parameters;
}

/** The ids of the parameters that an optimizer updates: those that are not frozen. */
export function unfrozenIds(module: object): ReadonlySet<number> {
  return new Set(
    trainableParameters(module)
      .filter((parameter) => !isFrozen(parameter))
      .map(({ id }) => id),
  );
}

/** Finds what an optimizer updates, and the frozen parameters. */
export function readTrainable(module: object): Trainable {
  let hasOwnUpdate = false;
  const found = new Map<number, Tensor<Shape>>();
  /** The modules that were visited, from the first nested one on. */
  let seen: Set<object> | undefined;
  const walk = (part: object): void => {
    if (!hasMembers(part) || overrides(part, 'update')) {
      hasOwnUpdate = true;
      for (const parameter of offered(part)) found.set(parameter.id, parameter);
      return;
    }
    for (const { key, tensor, learned, value } of part[membersOf]()) {
      if (tensor !== undefined) {
        if (learned) found.set(tensor.id, tensor);
        continue;
      }
      seen ??= new Set([module]);
      if (seen.has(value)) continue;
      seen.add(value);
      runPart(part, key, value, () => walk(value));
    }
  };
  walk(module);
  return { parameters: [...found.values()], hasOwnUpdate };
}

/**
 * The parameters that a module with its own `update` offers; there is no other way to know which of its
 * tensors are learned. A provider without gradients changes none of them.
 */
function offered(module: Partial<CanUpdateWithGradients>): readonly Tensor<Shape>[] {
  const tensors: Tensor<Shape>[] = [];
  const provider: GradientProvider = {
    gradient(parameter) {
      tensors.push(parameter);
      return undefined;
    },
  };
  callSync('update() of module', () => module.update?.(provider, new UnusedTensors()));
  return tensors;
}
