import { drawNumber } from '../../core/random-source.js';
import type { Shape } from '../../core/shape.js';
import { type RandomSource, storageOf, type Tensor } from '../../core/tensor.js';

/**
 * Draws new values for tensors, in place, uniform in ±bound: one number of the generator per value, in order.
 * `resetParams` restores the old values if this throws.
 * @throws RangeError if the generator returns anything but a number in [0, 1); errors of the generator.
 */
export function drawParameters(tensors: readonly Tensor<Shape>[], bound: number, rng: RandomSource): void {
  for (const tensor of tensors) {
    const storage = storageOf(tensor);
    const { values } = storage;
    storage.version++;
    for (let i = 0; i < values.length; i++) values[i] = (2 * drawNumber('rng', rng) - 1) * bound;
  }
}
