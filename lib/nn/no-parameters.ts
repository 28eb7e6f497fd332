import type { GradientProvider, UnusedTensors } from '../optim/gradient-provider.js';
import type { RandomSource } from '../tensor/tensor.js';
import { BaseModule } from './base-module.js';
import type { CanUpdateWithGradients, NamedTensor } from './module.js';

declare const layerName: unique symbol;

/** A layer that has nothing to learn, to reset or to save. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- a brand
export abstract class NoParameters<Name extends string>
  extends BaseModule
  implements CanUpdateWithGradients
{
  /** Tells the compiler layers apart that have the same members; no value has it. */
  declare protected readonly [layerName]: Name;

  /** None. */
  parameters(): readonly NamedTensor[] {
    return [];
  }

  /** Does nothing. */
  update(_provider: GradientProvider, _unused: UnusedTensors): void {
    // nothing to learn
  }

  /** Does nothing. */
  resetParams(_rng: RandomSource): void {
    // nothing to reset
  }
}
