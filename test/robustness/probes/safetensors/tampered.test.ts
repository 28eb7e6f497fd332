import { expect } from 'chai';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { Choices } from '../choices.js';
import { mutant, mutationNames } from './files.js';
import { loadFile } from './load-file.js';

describe('loadSafetensors of mutated files', () => {
  const path = temporaryDirectory();

  it('gives the values of a strict reader, or fails and changes nothing', async () => {
    const outcomes = { loaded: 0, refused: 0 };
    const done = new Set<string>();
    for (let number = 0; number < 400; number++) {
      const { what, bytes } = mutant(new Choices(1, number));
      done.add(what);
      try {
        outcomes[await loadFile(path('mutant.safetensors'), bytes)]++;
      } catch (cause) {
        throw new Error(`file ${number} of seed 1: ${what}`, { cause });
      }
    }
    expect([...done].sort()).to.deep.equal([...mutationNames].sort());
    expect(outcomes.loaded).to.be.greaterThan(25);
    expect(outcomes.refused).to.be.greaterThan(150);
  });
});
