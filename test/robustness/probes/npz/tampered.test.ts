import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { Choices } from '../choices.js';
import { loadArchive } from './load-archive.js';
import { mutant, mutationNames } from './mutations.js';
import { archives } from './originals.js';

describe('load of archives that were tampered with', () => {
  const path = temporaryDirectory();

  it('takes every kind while it is whole', async () => {
    for (const bytes of archives) {
      expect(await loadArchive(path('whole.npz'), bytes)).to.equal('loaded');
    }
  });

  it('gives what a strict reader finds, or an error with nothing changed', async () => {
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
    // Neither is rare: the mutations leave enough whole to be read, and damage enough.
    expect(outcomes.loaded).to.be.greaterThan(25);
    expect(outcomes.refused).to.be.greaterThan(200);
  });
});
