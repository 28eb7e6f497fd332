import { expect } from 'chai';
import { expectNear } from './expect-near.js';

describe('expectNear', () => {
  it('accepts near values and rejects others', () => {
    expectNear([1, 2], [1, 2.05], 0.1);
    expect(() => {
      expectNear([1, 2], [1, 2.2], 0.1);
    }).to.throw('values[1] is 2, expected 2.2');
    expect(() => {
      expectNear([1], [1, 2], 0.1);
    }).to.throw('length');
  });

  it('rejects a NaN at any index', () => {
    for (const actual of [
      [NaN, 0],
      [0, NaN],
      [NaN, 5],
    ]) {
      expect(() => {
        expectNear(actual, [0, 0], 1e-6);
      }).to.throw('is NaN');
    }
  });
});
