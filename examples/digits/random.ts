import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomSource, ResumableGenerator } from 'batchnorm';

/** Every purpose has its own random stream, so that drawing more numbers for one does not affect the others. */
const streamOrder = ['training', 'validation', 'test', 'weights', 'batches'] as const;

export type StreamName = (typeof streamOrder)[number];

/**
 * Numbers in [0, 1) that depend only on the seed and the name. The streams of one seed are 2^64 numbers apart on the
 * generator's cycle, so that they do not overlap.
 */
export function randomStream(seed: number, name: StreamName): RandomSource {
  return new RandomStream(seed, name).next;
}

/** The same numbers, from a generator that can be saved. */
export class RandomStream implements ResumableGenerator {
  #generator;

  constructor(seed: number, name: StreamName) {
    this.#generator = xoroshiro128plus(seed);
    // The first jump skips the beginning, where similar seeds give similar numbers.
    for (let jumps = 0; jumps <= streamOrder.indexOf(name); jumps++) this.#generator.jump();
  }

  readonly next: RandomSource = () => uniformFloat64(this.#generator);

  getState(): readonly number[] {
    return this.#generator.getState();
  }

  setState(state: readonly number[]): void {
    this.#generator = xoroshiro128plusFromState(state);
  }
}

export function uniform(rng: RandomSource, low: number, high: number): number {
  return low + (high - low) * rng();
}

/** Normally distributed with mean 0 (Box and Muller, 1958). */
export function normal(rng: RandomSource, deviation: number): number {
  return deviation * Math.sqrt(-2 * Math.log(1 - rng())) * Math.cos(2 * Math.PI * rng());
}

/** The numbers from 0 to count - 1 in random order (Fisher and Yates). */
export function shuffledIndices(count: number, rng: RandomSource): Uint32Array {
  const indices = Uint32Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(rng() * (last + 1));
    [indices[last], indices[other]] = [indices[other], indices[last]];
  }
  return indices;
}
