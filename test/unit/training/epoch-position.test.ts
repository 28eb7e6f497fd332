import { Linear, loadCheckpoint, saveCheckpoint } from 'batchnorm';
import { expect } from 'chai';
import { StoredPosition } from '#lib/training/epoch-position';
import { MeanScores } from '#lib/training/scores';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('the position within an epoch in a checkpoint', () => {
  const folder = temporaryDirectory();
  // Only the length of a state matters.
  const generators = { shuffle: { getState: () => [0, 0], setState: () => undefined } };
  const model = new Linear(2, 2);

  it('has the start of the epoch on every rank, of which each rank reads its own', async () => {
    const path = folder('group.npz');
    const written = new StoredPosition(generators, ['loss'], { rank: 0, size: 3 });
    written.position = { step: 4, means: new MeanScores([], 8, { loss: 2.5 }), starts: { shuffle: [1, 2] } };
    written.startsOfAllRanks = { shuffle: [1, 2, 3, 4, 5, 6] };
    await saveCheckpoint(path, { model, parts: { position: written } });
    for (const rank of [0, 1, 2]) {
      const read = new StoredPosition(generators, ['loss'], { rank, size: 3 });
      await loadCheckpoint(path, { model, parts: { position: read } });
      expect(read.position?.starts).to.deep.equal({ shuffle: [2 * rank + 1, 2 * rank + 2] });
      expect(read.position?.step).to.equal(4);
      expect(read.position?.means.samples).to.equal(8);
      expect(read.position?.means.sum('loss')).to.equal(2.5);
    }
  });

  it('is none between two epochs', async () => {
    const path = folder('whole.npz');
    const stored = () => new StoredPosition(generators, ['loss']);
    await saveCheckpoint(path, { model, parts: { position: stored() } });
    const read = stored();
    read.position = { step: 1, means: new MeanScores([], 1, { loss: 1 }), starts: { shuffle: [1, 2] } };
    await loadCheckpoint(path, { model, parts: { position: read } });
    expect(read.position).to.equal(undefined);
  });
});
