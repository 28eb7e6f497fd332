import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { Choices } from '../choices.js';
import { loadArchive } from './load-archive.js';
import { mutant, mutationNames } from './mutations.js';
import { archives } from './originals.js';

describe('load of mutated archives', () => {
  const path = temporaryDirectory();

  it('accepts every kind of archive without mutations', async () => {
    for (const bytes of archives) {
      expect(await loadArchive(path('whole.npz'), bytes)).to.equal('loaded');
    }
  });

  it('gives the values of a strict reader, or fails and changes nothing', async () => {
    const outcomes = { loaded: 0, refused: 0 };
    const done = new Set<string>();
    for (let number = 0; number < 400; number++) {
      const { what, bytes } = mutant(new Choices(1, number));
      done.add(what);
      try {
        outcomes[await loadArchive(path('mutant.npz'), bytes)]++;
      } catch (cause) {
        throw new Error(`archive ${number} of seed 1: ${what}`, { cause });
      }
    }
    expect([...done].sort()).to.deep.equal([...mutationNames].sort());
    // Both outcomes are frequent: enough mutations leave archives valid, and enough damage them.
    expect(outcomes.loaded).to.be.greaterThan(25);
    expect(outcomes.refused).to.be.greaterThan(200);
  });
});
