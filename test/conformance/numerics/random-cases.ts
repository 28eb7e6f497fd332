// An endless series of ordinary inputs of any shape, mean, deviation and distribution.
import { seeded } from '../../support/random.js';
import { type Case, fill, normal, type Pattern } from './case.js';

/** Distributions with approximately mean 0 and deviation 1. */
const distributions: readonly Pattern[] = [
  normal,
  normal,
  (random) => Math.sqrt(12) * (random() - 0.5),
  (random) => -Math.log(1 - random()) - 1,
  (random) => (random() < 0.5 ? 1 : -1),
  (random) => (Math.max(0, normal(random)) - 0.4) * 1.7,
];

/** Case `index` of the series; |mean| / deviation goes up to 1e6. */
export function randomCase(index: number): Case {
  const random = seeded(0x5eed + index);
  const between = (low: number, high: number) => low + (high - low) * random();
  const power = (low: number, high: number) => 10 ** between(low, high);
  const plane = Math.floor(power(0, 4.2));
  const channels = Math.floor(power(0, Math.min(2, 5.3 - Math.log10(plane))));
  const images = Math.max(
    plane === 1 ? 2 : 1,
    Math.floor(power(0, Math.max(0, 5 - Math.log10(plane * channels)))),
  );
  const layout = { images, channels, plane };
  const signed = () => (random() < 0.5 ? -1 : 1);
  const pick = () => distributions[Math.floor(random() * distributions.length)];
  const perChannel = (lowest: number, highest: number) =>
    Array.from({ length: channels }, () => {
      const deviation = power(-6, 6);
      const mean = random() < 0.3 ? 0 : signed() * deviation * power(lowest, highest);
      return { deviation, mean, distribution: pick() };
    });
  const patternOf = (channelsOf: ReturnType<typeof perChannel>): Pattern => {
    return (source, i, n, channel) => {
      const { deviation, mean, distribution } = channelsOf[channel];
      return mean + deviation * distribution(source, i, n, channel);
    };
  };
  return {
    name: `random ${index}`,
    layout,
    x: fill(layout, random, patternOf(perChannel(-2, 6))),
    dy: fill(layout, random, patternOf(perChannel(-2, 3))),
    scale: Float32Array.from({ length: channels }, () => signed() * power(-2, 2)),
    bias: Float32Array.from({ length: channels }, () => signed() * power(-2, 2)),
    epsilon: [1e-5, 1e-5, 1e-3, 1e-12][Math.floor(4 * random())],
  };
}
