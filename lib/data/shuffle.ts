import { freshArray } from '../backend/allocation.js';
import { orDefault, requireBoolean } from '../validation/errors.js';
import { drawNumber, type RandomSource, requireRandomSource } from '../core/random-source.js';

/** A random integer from 0 to count - 1; draws one number. */
export function randomIndex(rng: RandomSource, count: number): number {
  return Math.floor(drawNumber('rng', rng) * count);
}

/** A uniformly random permutation of 0 to count - 1 (Fisher and Yates); draws count - 1 numbers. */
export function shuffledIndices(rng: RandomSource, count: number): Uint32Array {
  const indices = indicesUpTo(count);
  for (let last = count - 1; last > 0; last--) {
    const other = randomIndex(rng, last + 1);
    const value = indices[last];
    indices[last] = indices[other];
    indices[other] = value;
  }
  return indices;
}

export function indicesUpTo(count: number): Uint32Array {
  const indices = freshArray(Uint32Array, 'the order of samples', count);
  for (let i = 0; i < count; i++) indices[i] = i;
  return indices;
}

/** The generator to shuffle with, or undefined for the given order. */
export function readShuffle(options: {
  readonly shuffle?: unknown;
  readonly rng?: unknown;
}): RandomSource | undefined {
  const rng = requireRandomSource('rng', orDefault(options.rng, Math.random));
  return requireBoolean('shuffle', orDefault(options.shuffle, false)) ? rng : undefined;
}
