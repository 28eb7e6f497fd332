import { seeded } from '../../support/random.js';
import { type Case, fill, normal } from './case.js';

/** |mean| / deviation from 1 to 1e7, two values for each power of ten. */
export const ratios = Array.from({ length: 15 }, (_, i) => 10 ** (i / 2));

/** Normally distributed values with that mean and deviation 1. */
export function sweepCase(ratio: number): Case {
  const layout = { images: 8, channels: 4, plane: 1024 };
  const random = seeded(7);
  return {
    name: `mean / std = ${ratio}`,
    layout,
    x: fill(layout, random, () => ratio + normal(random)),
    dy: fill(layout, random, normal),
    scale: new Float32Array(layout.channels).fill(1),
    bias: new Float32Array(layout.channels),
    epsilon: 1e-5,
  };
}
