import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { runSequences } from './property.js';

describe('calls in any order', () => {
  const path = temporaryDirectory();

  it('match a simple model, or fail and change nothing', async () => {
    const count = 200;
    const seen = await runSequences(count, 1, path('layer.npz'));
    // Each outcome must be frequent enough for the test to be meaningful.
    expect(seen.done).to.be.greaterThan(8 * count);
    expect(seen.refused).to.be.greaterThan(5 * count);
    expect(seen.compared).to.be.greaterThan(3 * count);
    expect(seen.differentiated).to.be.greaterThan(count / 10);
  });
});
