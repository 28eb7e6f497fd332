import { wrongType } from '../validation/errors.js';
import type { GradientProvider, UnusedTensors } from './gradient-provider.js';
import type { Shape } from '../core/shape.js';
import { isTensor, type Tensor } from '../core/tensor.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** A tensor of a module, with its name inside it. */
export type NamedTensor = readonly [name: string, tensor: Tensor<Shape>];

/**
 * Inference: what a layer or a network is without a tape. Implement it, and `ModuleMut`, for networks of
 * your own; the package's layers have both for every shape that they take.
 */
export interface Module<Input, Output> {
  // A function, not a method, whose parameters the compiler would compare in both directions.
  /** From an input without a tape to what the module makes of it. */
  readonly forward: (x: Input) => Output;
}

/** Training: takes and gives tensors that own a tape, and may change what belongs to the module, such as
 * running statistics. */
export interface ModuleMut<Input, Output> {
  /** From an input with a tape to what the module makes of it, with the same tape. */
  readonly forwardMut: (x: Input) => Output;
}

/** What an optimizer updates: one layer, or a whole network made of layers. */
export interface CanUpdateWithGradients {
  /** Offers every trainable parameter to the provider: `updateParameter(p, provider, unused)` for own
   * ones, `layer.update(provider, unused)` for those of layers inside. */
  update(provider: GradientProvider, unused: UnusedTensors): void;
  /** All tensors with their names, so that messages can name them. */
  parameters(): readonly NamedTensor[];
}

/** What `parameters()` of a module gives. @throws TypeError where it is no list of names and tensors. */
export function readParameters(argument: string, module: unknown): readonly NamedTensor[] {
  const candidate = module as Partial<CanUpdateWithGradients> | null | undefined;
  if (typeof candidate?.parameters !== 'function') {
    throw wrongType(argument, 'an object with parameters()', module);
  }
  const parameters: unknown = candidate.parameters();
  const place = `parameters() of ${argument}`;
  if (!Array.isArray(parameters)) throw wrongType(place, 'an array', parameters);
  for (const [i, each] of (parameters as unknown[]).entries()) {
    const [name, tensor] = Array.isArray(each) ? (each as unknown[]) : [];
    if (typeof name !== 'string' || !isTensor(tensor)) {
      throw wrongType(`${place} at ${i}`, 'a name and a Tensor', each);
    }
  }
  return parameters as readonly NamedTensor[];
}

/** The tensors of a part of a network, named as in it: `scale` of the part `norm` is `norm.scale`. */
export function parametersOf(name: string, part: CanUpdateWithGradients): readonly NamedTensor[] {
  if (arguments.length > 2) requireNoSurplus('parametersOf', 2, arguments);
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
  return readParameters('part', part).map(([inner, tensor]) => [`${name}.${inner}`, tensor]);
}
