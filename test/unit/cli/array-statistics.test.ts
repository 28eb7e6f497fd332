import { StatisticsCollector } from '#lib/cli/array-statistics';
import { expect } from 'chai';

function collect(...pieces: (Float64Array | Float32Array)[]) {
  const collector = new StatisticsCollector();
  for (const piece of pieces) collector.add(piece);
  return collector.result();
}

describe('StatisticsCollector', () => {
  it('gives the same statistics for pieces as for the whole array', () => {
    const values = [3, -1, 0, 2.5, 1e-7, -8];
    const whole = collect(Float64Array.from(values));
    expect(collect(Float64Array.from(values.slice(0, 2)), Float64Array.from(values.slice(2)))).to.deep.equal(
      whole,
    );
    expect(whole).to.deep.include({ count: 6, min: -8, max: 3 });
    expect(whole.mean).to.be.closeTo(values.reduce((a, b) => a + b) / 6, 1e-15);
    expect(whole.negative).to.deep.include({ count: 2, first: 1 });
    expect(whole.zero).to.deep.include({ count: 1, first: 2 });
    expect(whole.tiny).to.deep.include({ count: 1, first: 4 });
  });

  it('excludes nonfinite values from the range', () => {
    const { min, max, mean, nan, infinite, negative } = collect(
      Float32Array.of(1, NaN, -Infinity, 5, Infinity, NaN),
    );
    expect({ min, max, mean }).to.deep.equal({ min: 1, max: 5, mean: 3 });
    expect(nan).to.deep.include({ count: 2, first: 1 });
    expect(infinite).to.deep.include({ count: 2, first: 2 });
    expect(negative).to.deep.include({ count: 1, first: 2 });
  });

  it('has no range if no value is finite', () => {
    const none = { min: null, max: null, mean: null };
    expect(collect()).to.deep.include({ count: 0, ...none });
    expect(collect(Float32Array.of(NaN))).to.deep.include({ count: 1, ...none });
  });

  it('keeps the mean of values whose sum overflows, and counts values beyond float32', () => {
    const { mean, tooLarge } = collect(Float64Array.of(1.5e308, 1.5e308, 1.5e308));
    expect(mean).to.be.closeTo(1.5e308, 1e294);
    expect(tooLarge).to.deep.include({ count: 3, first: 0 });
  });
});
