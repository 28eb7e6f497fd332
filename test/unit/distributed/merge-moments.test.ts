import { expect } from 'chai';
import { mergeMoments } from '#lib/distributed/merge-moments';
import { seeded, values } from '../../support/random.js';

/** The contribution of a rank with these values of each channel: their number, the means, the sums of squared deviations. */
function contribution(channels: readonly (readonly number[])[]): readonly number[] {
  const means = channels.map((channel) => channel.reduce((a, b) => a + b, 0) / channel.length);
  const m2 = channels.map((channel, c) => channel.reduce((sum, value) => sum + (value - means[c]) ** 2, 0));
  return [channels[0].length, ...means, ...m2];
}

const draw = (count: number, seed: number) =>
  [0, 1].map((channel) => [...values(seeded(seed + channel), count)].map((value) => value + 100 * channel));

describe('the moments of a group', () => {
  const counts = [
    [5, 3],
    [1, 7, 2],
    [0, 4, 3],
    [4, 0, 3],
    [4, 3, 0],
    [0, 0, 6],
  ];
  for (const ranks of counts) {
    it(`are those of all values, with ${ranks.join(', ')} values on the ranks`, () => {
      const parts = ranks.map((count, rank) => draw(count, 10 * rank));
      // The mean of no values is NaN.
      const gathered = Float64Array.from(parts.flatMap(contribution));
      const merged = mergeMoments(gathered, ranks.length, 2);
      const [count, ...expected] = contribution(
        [0, 1].map((channel) => parts.flatMap((part) => part[channel])),
      );
      expect(merged.count).to.equal(count);
      for (const [i, value] of [...merged.mean, ...merged.m2].entries()) {
        expect(value).to.be.closeTo(expected[i], 1e-12 * Math.max(1, Math.abs(expected[i])));
      }
    });
  }

  it('keep the value of a constant channel exactly, and are zero without values', () => {
    const parts = [3, 7, 1].map((count) => contribution([Array.from({ length: count }, () => 0.1)]));
    const { mean, m2 } = mergeMoments(Float64Array.from(parts.flatMap(([count]) => [count, 0.1, 0])), 3, 1);
    expect([mean[0], m2[0]]).to.deep.equal([0.1, 0]);
    expect(mergeMoments(new Float64Array(6), 2, 1).count).to.equal(0);
  });
});
