import { wrongType } from '../validation/errors.js';
import type { GradientProvider, UnusedTensors } from './gradient-provider.js';
import type { Shape } from '../core/shape.js';
import { isTensor, type Tensor } from '../core/tensor.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** A tensor of a module, with its name inside it. */
export type NamedTensor = readonly [name: string, tensor: Tensor<Shape>];

/**
 * Inference by a layer or a network. Implement this interface and `ModuleMut` in your own networks; the
 * package's layers implement both for every shape that they accept.
 */
export interface Module<Input, Output> {
  // A property with a function type, because the compiler would compare the parameters of a method in both
  // directions.
  /** Maps an input without a tape to the module's result. */
  readonly forward: (x: Input) => Output;
}

/**
 * Training: accepts and returns tensors that own a tape, and may change state of the module, such as running
 * statistics.
 */
export interface ModuleMut<Input, Output> {
  /** Maps an input with a tape to the module's result, with the same tape. */
  readonly forwardMut: (x: Input) => Output;
}

/** A module that an optimizer can update: a layer, or a network of layers. */
export interface CanUpdateWithGradients {
  /**
   * Offers every trainable parameter to the provider: call `updateParameter(p, provider, unused)` for the
   * module's own parameters and `layer.update(provider, unused)` for those of its layers.
   */
  update(provider: GradientProvider, unused: UnusedTensors): void;
  /** All tensors with their names, so that messages can name them. */
  parameters(): readonly NamedTensor[];
}

/**
 * Returns the checked result of a module's `parameters()`.
 * @throws TypeError unless it is a list of names and tensors.
 */
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

/**
 * The tensors of a layer of a network, named as in the network: `scale` of the layer `norm` is `norm.scale`.
 */
export function parametersOf(name: string, part: CanUpdateWithGradients): readonly NamedTensor[] {
  if (arguments.length > 2) requireNoSurplus('parametersOf', 2, arguments);
  if (typeof name !== 'string') throw wrongType('name', 'a string', name);
  return readParameters('part', part).map(([inner, tensor]) => [`${name}.${inner}`, tensor]);
}
