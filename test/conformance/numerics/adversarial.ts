// Adversarial inputs: each pattern breaks some method of computing batch norm.
import type { Layout } from '../../support/float64.js';
import { seeded } from '../../support/random.js';
import { type Case, fill, normal, type Pattern } from './case.js';

/** Optional overrides of a pattern. */
interface Options {
  readonly dy?: Pattern;
  readonly scale?: (channel: number) => number;
  readonly bias?: (channel: number) => number;
  readonly epsilon?: number;
}

const around =
  (mean: number, deviation = 1): Pattern =>
  (random) =>
    mean + deviation * normal(random);

const ordinary = around(0);

/** `outlier` at one position, `rest` elsewhere. */
const oneOutlier =
  (outlier: number, place: (n: number) => number, rest: Pattern = ordinary): Pattern =>
  (random, i, n, channel) =>
    i === place(n) ? outlier : rest(random, i, n, channel);

const first = () => 0;
const middle = (n: number) => n >> 1;
const last = (n: number) => n - 1;

const alternating =
  (size: number, mean = 0): Pattern =>
  (_, i) =>
    mean + (i % 2 === 0 ? size : -size);

/** From 0 to `end` over the channel. */
const drift =
  (start: number, end: number, noise: number): Pattern =>
  (random, i, n) =>
    start + ((end - start) * i) / n + noise * normal(random);

/** The positions, in eighths of a channel, where an implementation would likely take samples. */
const whereSamplesAre: Pattern = (random, i, n) => {
  const odd = Math.round((16 * i) / n);
  const inside = odd % 2 === 1 && Math.abs(i - (odd * n) / 16) < 8;
  return inside ? 1e6 : normal(random);
};

const ulp = 2 ** -23;

/** At least thirty patterns, by name. */
const patterns: Readonly<Record<string, readonly [x: Pattern, options?: Options]>> = {
  'mean 1e1 × std': [around(10)],
  'mean 1e2 × std': [around(1e2)],
  'mean 1e3 × std': [around(1e3)],
  'mean −1e4 × std': [around(-1e4)],
  'mean 1e5 × std': [around(1e5)],
  'mean 1e6 × std': [around(1e6)],
  'mean 1e6 × std, small': [around(1e-3, 1e-9), { epsilon: 1e-20 }],
  'mean 1e8 × std: a few values, all neighbors': [around(1e8, 1)],
  '1e18 first': [oneOutlier(1e18, first)],
  '−1e18 in the middle': [oneOutlier(-1e18, middle)],
  '1e18 last': [oneOutlier(1e18, last)],
  '1e18 among values of 1e-3': [oneOutlier(1e18, middle, around(0, 1e-3))],
  '1e4 first': [oneOutlier(1e4, first)],
  '1e4 last, mean −1e3': [oneOutlier(1e4, last, around(-1e3))],
  '1e6 where samples are taken': [whereSamplesAre],
  'constant 0': [() => 0],
  'constant 0.1': [() => 0.1],
  'constant −1e4': [() => -1e4],
  'constant 1e-30': [() => 1e-30],
  'constant 3e38': [() => 3e38],
  'constant except for one last bit': [oneOutlier(1 + ulp, middle, () => 1), { epsilon: 1e-20 }],
  'two neighboring floats': [alternating(ulp / 2, 1 + ulp / 2), { epsilon: 1e-20 }],
  'alternating ±1': [alternating(1)],
  'alternating ±1e6': [alternating(1e6)],
  'alternating 1e4 ± 1': [alternating(1, 1e4)],
  'alternating 1e6 ± 1': [alternating(1, 1e6)],
  'drift from 0 to 1': [drift(0, 1, 0)],
  'drift from 0 to 1e4, noise 1': [drift(0, 1e4, 1)],
  'drift from 1e6 to 1e6 + 10': [drift(1e6, 1e6 + 10, 0.1)],
  'step from 0 to 1e4': [(random, i, n) => (i < n / 2 ? 0 : 1e4) + normal(random)],
  'clusters at ±1e4': [(random) => (random() < 0.5 ? 1e4 : -1e4) + 1e-2 * normal(random)],
  'log-normal, σ = 3': [(random) => Math.exp(3 * normal(random))],
  Cauchy: [(random) => Math.tan(Math.PI * (random() - 0.5))],
  '10^U(−10, 10), both signs': [(random) => 10 ** (20 * random() - 10) * (random() < 0.5 ? 1 : -1)],
  'one in a thousand is 1': [(random) => (random() < 1e-3 ? 1 : 0)],
  'one is 1': [oneOutlier(1, middle, () => 0)],
  'after ReLU': [(random) => Math.max(0, normal(random))],
  'pixels 0 … 255': [(random) => Math.floor(256 * random())],
  sorted: [(_, i, n) => Math.tan((Math.PI * (i + 0.5)) / n - Math.PI / 2) + 5],
  'variance near 1e-28': [around(1e-13, 1e-14), { epsilon: 1e-30 }],
  'variance near 1e28': [around(1e15, 1e14)],
  subnormal: [(random) => 1e-40 * normal(random)],
  'dy with mean 1e4 × std': [ordinary, { dy: around(1e4) }],
  'dy with mean 1e6 × std, x too': [around(1e6), { dy: around(1e6) }],
  'dy constant': [around(3), { dy: () => 0.7 }],
  'dy nonzero at one position': [around(3), { dy: oneOutlier(1, middle, () => 0) }],
  'dy 1e18 at one position': [around(3), { dy: oneOutlier(1e18, middle) }],
  'dy alternating': [around(3), { dy: alternating(1) }],
  // Both use the same pattern and generator: dy is the normalized x, so that dx nearly vanishes.
  'dy is the normalized x': [around(0), { dy: (_, i) => Math.sin(i) }],
  'dy near 1e-30': [around(3), { dy: around(0, 1e-30) }],
  'dy near 1e30': [around(3), { dy: around(0, 1e30) }],
  'dy Cauchy': [around(1e3), { dy: (random) => Math.tan(Math.PI * (random() - 0.5)) }],
  'scale 0': [around(3), { scale: () => 0 }],
  'scale −1e6': [around(3), { scale: () => -1e6 }],
  'bias 1e6': [around(3), { bias: () => 1e6 }],
  'epsilon 1': [around(3, 1e-3), { epsilon: 1 }],
};

/** Chunks and half chunks; small planes, which share a chunk; no planes; planes larger than a chunk. */
export const layouts: readonly Layout[] = [
  { images: 2, channels: 3, plane: 1024 },
  { images: 33, channels: 17, plane: 49 },
  { images: 64, channels: 70, plane: 1 },
  { images: 1, channels: 2, plane: 40_000 },
];

/** Number of patterns. */
export const patternCount = Object.keys(patterns).length;

/** Every pattern whose name matches, in every layout. */
export function* adversarialCases(named = /./): Generator<Case> {
  for (const [name, [x, options = {}]] of Object.entries(patterns)) {
    if (!named.test(name)) continue;
    for (const [index, layout] of layouts.entries()) {
      const random = seeded(1 + index);
      const { channels } = layout;
      const values = fill(layout, random, x);
      yield {
        name,
        layout,
        x: values,
        dy: name === 'dy is the normalized x' ? values.slice() : fill(layout, random, options.dy ?? ordinary),
        scale: Float32Array.from({ length: channels }, (_, c) => options.scale?.(c) ?? 0.5 + c / 9),
        bias: Float32Array.from({ length: channels }, (_, c) => options.bias?.(c) ?? 1 - c / 7),
        epsilon: options.epsilon ?? 1e-5,
      };
    }
  }
}
