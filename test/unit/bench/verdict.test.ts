import { expect } from 'chai';
import { pathToFileURL } from 'node:url';
import { packagePath } from '../../support/package-path.js';

type Times = readonly [before: readonly number[], after: readonly number[]];

interface Verdict {
  readonly ratioOf: (before: readonly number[], after: readonly number[]) => number;
  readonly slowerThan: (
    maxRatio: number,
    ...measurements: ReadonlyMap<string, Times>[]
  ) => readonly { readonly name: string; readonly ratios: readonly number[] }[];
}

const file = pathToFileURL(packagePath('bench/compare/verdict.mjs')).href;
const { ratioOf, slowerThan } = (await import(file)) as Verdict;

/** A measurement of one round of each subject, which took 10 ms before. */
function measured(after: Readonly<Record<string, number>>): ReadonlyMap<string, Times> {
  return new Map(Object.entries(after).map(([name, time]) => [name, [[10], [time]]]));
}

describe('the comparison of two commits', () => {
  it('takes the median of the ratios within a round, whatever the speed of the machine in it', () => {
    // 1.1 times as long in each round, although the medians of all times are equal.
    expect(ratioOf([10, 20, 22], [11, 22, 24.2])).to.be.closeTo(1.1, 1e-12);
    // One disturbed round in each direction.
    expect(ratioOf([10, 10, 10, 10, 30], [10.2, 50, 10.2, 10.2, 10])).to.be.closeTo(1.02, 1e-12);
    expect(ratioOf([4], [2])).to.equal(0.5);
  });

  it('refuses rounds that have no counterpart', () => {
    expect(() => ratioOf([1, 2], [1])).to.throw(RangeError, '1 and 2');
    expect(() => ratioOf([], [])).to.throw(RangeError, 'at least one');
  });

  it('finds the subjects above the limit, not those at it', () => {
    const times = measured({ slower: 10.6, 'as slow as allowed': 10.5, equal: 10, faster: 5 });
    expect(slowerThan(1.05, times)).to.deep.equal([{ name: 'slower', ratios: [1.06] }]);
    expect(slowerThan(1.06, times)).to.deep.equal([]);
    expect(slowerThan(0.7, times).map(({ name }) => name)).to.deep.equal([
      'slower',
      'as slow as allowed',
      'equal',
    ]);
  });

  it('reports a subject only if a second measurement confirms it', () => {
    const first = measured({ slow: 12, disturbed: 20, fine: 10 });
    const second = measured({ slow: 13, disturbed: 10.1 });
    expect(slowerThan(1.05, first, second)).to.deep.equal([{ name: 'slow', ratios: [1.2, 1.3] }]);
  });

  it('reports a subject without a number', () => {
    expect(slowerThan(1.05, measured({ broken: NaN })).map(({ name }) => name)).to.deep.equal(['broken']);
  });
});
