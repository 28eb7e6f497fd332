import type { GradientProvider, UnusedTensors } from '../optim/gradient-provider.js';
import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

/** A tensor of a module, with its name inside it. */
export type NamedTensor = readonly [name: string, tensor: Tensor<Shape>];

/** What an optimizer updates: one layer, or a whole network made of layers. */
export interface CanUpdateWithGradients {
  /** Offers every trainable parameter to the provider: `updateParameter(p, provider, unused)` for own
   * ones, `layer.update(provider, unused)` for those of layers inside. */
  update(provider: GradientProvider, unused: UnusedTensors): void;
  /** All tensors with their names, so that messages can name them. */
  parameters(): readonly NamedTensor[];
}
