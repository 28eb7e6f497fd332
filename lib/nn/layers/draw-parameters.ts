import { drawNumber } from '../../core/random-source.js';
import { Storage } from '../../core/storage.js';
import { type RandomSource, storageOf, type Tensor } from '../../core/tensor.js';
import type { Shape } from '../../core/shape.js';

/**
 * Fills tensors in place with values uniform in ±bound: one number of the generator for each value, in order.
 * All numbers are drawn before any tensor changes.
 * @throws RangeError if the generator returns anything but a number in [0, 1); errors of the generator.
 * Nothing has changed then.
 */
export function drawParameters(tensors: readonly Tensor<Shape>[], bound: number, rng: RandomSource): void {
  const drawn: Storage[] = [];
  try {
    for (const tensor of tensors) {
      const storage = Storage.take(storageOf(tensor).values.length);
      drawn.push(storage);
      const { values } = storage;
      for (let i = 0; i < values.length; i++) values[i] = (2 * drawNumber('rng', rng) - 1) * bound;
    }
    const targets = tensors.map((tensor) => storageOf(tensor));
    const values = targets.map((target) => target.values);
    for (const [i, target] of targets.entries()) {
      values[i].set(drawn[i].values);
      target.version++;
    }
  } finally {
    for (const storage of drawn) storage.release();
  }
}
