import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { runSequences } from './property.js';

describe('calls in any order', () => {
  const path = temporaryDirectory();

  it('give what a plain model gives, or an error with nothing changed', async () => {
    const count = 200;
    const seen = await runSequences(count, 1, path('layer.npz'));
    // Enough of each to prove something.
    expect(seen.done).to.be.greaterThan(8 * count);
    expect(seen.refused).to.be.greaterThan(5 * count);
    expect(seen.compared).to.be.greaterThan(3 * count);
    expect(seen.differentiated).to.be.greaterThan(count / 10);
  });
});
