import type { Shape } from 'batchnorm';
import { seeded } from '../../../support/random.js';

export const shapes: readonly Shape[] = [
  [],
  [1],
  [3],
  [2, 3],
  [3, 2],
  [3, 3],
  [0, 3],
  [3, 1, 1],
  [3, 2, 2],
  [2, 3, 2, 2],
  [1, 3, 1, 1],
  [2, 3, 5, 3],
  [0, 3, 2, 2],
  [4, 2, 1, 3],
];

const special = [
  0,
  -0,
  1e-45,
  -1e-40,
  1.1754944e-38,
  1e-38,
  -1e38,
  1e38,
  3.4028235e38,
  Infinity,
  -Infinity,
  NaN,
  1,
  -1,
];

export function countOf(shape: Shape): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** float32 values: mostly ordinary ones, which can be compared, sometimes with special values. */
export function someValues(seed: number, count: number): number[] {
  const random = seeded(seed);
  const kind = seed % 8;
  return Array.from({ length: count }, () => {
    if (kind === 7 && random() < 0.3) return Math.fround(special[Math.floor(random() * special.length)]);
    if (kind === 6) return Math.fround(1000 + random());
    if (kind === 5) return Math.round(random() * 4) - 2;
    return Math.fround((2 * random() - 1) * 3);
  });
}

/** Values that neither overflow nor underflow in a few operations; only these are compared with float64. */
export function isTame(values: ArrayLike<number>): boolean {
  return Array.from(values).every((v) => v === 0 || (Math.abs(v) < 1e6 && Math.abs(v) > 1e-6));
}

/** The numbers as every kind of argument that from() accepts. */
export function asSource(values: readonly number[], shape: Shape, kind: number): ArrayLike<number> {
  switch (kind % 4) {
    case 0:
      return values;
    case 1:
      return Float64Array.from(values);
    case 2:
      return Float32Array.from(values);
    default:
      return nest(values, shape) as number[];
  }
}

function nest(values: readonly number[], shape: Shape): unknown {
  if (shape.length < 2 || countOf(shape) === 0) return values;
  const [first, ...rest] = shape;
  const part = countOf(rest);
  return Array.from({ length: first }, (_, i) => nest(values.slice(i * part, (i + 1) * part), rest));
}
