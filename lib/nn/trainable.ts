import type { Shape } from '../core/shape.js';
import type { Tensor } from '../core/tensor.js';
import { type GradientProvider, UnusedTensors } from '../module/gradient-provider.js';
import { callSync } from '../validation/synchronous.js';
import { runPart } from './compose/part.js';
import { hasMembers, membersOf } from './members.js';
import type { CanUpdateWithGradients } from '../module/module.js';
import { overrides } from './overriding.js';

/** The tensors that an optimizer updates, each once, in the order in which `update` offers them. */
export function trainableParameters(module: object): readonly Tensor<Shape>[] {
  const found = new Map<number, Tensor<Shape>>();
  const seen = new Set<object>();
  const walk = (part: object): void => {
    if (seen.has(part)) return;
    seen.add(part);
    if (!hasMembers(part) || overrides(part, 'update')) {
      for (const parameter of offered(part)) found.set(parameter.id, parameter);
      return;
    }
    for (const { key, tensor, learned, value } of part[membersOf]()) {
      if (tensor === undefined) runPart(part, key, value, () => walk(value));
      else if (learned) found.set(tensor.id, tensor);
    }
  };
  walk(module);
  return [...found.values()];
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
