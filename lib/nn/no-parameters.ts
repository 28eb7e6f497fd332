import type { GradientProvider, UnusedTensors } from '../optim/gradient-provider.js';
import type { RandomSource } from '../tensor/tensor.js';
import type { CanUpdateWithGradients, NamedTensor } from './module.js';

/** A layer that has nothing to learn, to reset or to save. */
export abstract class NoParameters implements CanUpdateWithGradients {
  parameters(): readonly NamedTensor[] {
    return [];
  }

  update(_provider: GradientProvider, _unused: UnusedTensors): void {
    // nothing to learn
  }

  resetParams(_rng: RandomSource): void {
    // nothing to reset
  }
}
