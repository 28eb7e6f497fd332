// A channel of 1e8 values: tests how errors of sums grow with their length.
import { seeded } from '../../support/random.js';
import { type Case, fill, type Pattern } from './case.js';

const uniform = (random: () => number) => Math.sqrt(12) * (random() - 0.5);

const patterns: Readonly<Record<string, Pattern>> = {
  'mean 0': uniform,
  'mean 1e4 × std': (random) => 1e4 + uniform(random),
  'mean 1e6 × std': (random) => 1e6 + uniform(random),
  'drift from 0 to 1e4, noise 1': (random, i, n) => (1e4 * i) / n + uniform(random),
  '1e18 in the middle': (random, i, n) => (i === n >> 1 ? 1e18 : uniform(random)),
};

/** @param count Number of values of the only channel, a multiple of 100. */
export function* largeCases(count: number): Generator<Case> {
  for (const [name, pattern] of Object.entries(patterns)) {
    const random = seeded(1);
    const layout = { images: 100, channels: 1, plane: count / 100 };
    yield {
      name,
      layout,
      x: fill(layout, random, pattern),
      dy: fill(layout, random, (source) => 0.1 + uniform(source)),
      scale: Float32Array.of(1.5),
      bias: Float32Array.of(-0.5),
      epsilon: 1e-5,
    };
  }
}
