import { expect } from 'chai';
import { testPyTorch } from '../../conformance/parity/synchronized-cases.js';
import { testFit } from '../../unit/distributed/fit-cases.js';
import { runWorkers } from '../../unit/distributed/run-workers.js';
import { testTraining } from '../../unit/distributed/training-cases.js';
import type { Memory } from '../../unit/distributed/programs/step-scenarios.js';
import { launcherNames } from './launch.js';
import { runRanks } from './run-ranks.js';

const isLong = process.env.BATCHNORM_TEST_LONG === '1';
/** The cases of batch norm have counts of samples for 2 and 3 ranks. */
const normSizes = isLong ? ([2, 3] as const) : ([2] as const);
const sizes = isLong ? [2, 3, 4] : [2];

for (const launcher of launcherNames) {
  describe(`training over ${launcher}`, () => {
    testTraining(runRanks(launcher), normSizes);
    testFit('mpi', runRanks(launcher, 180), sizes);
    testPyTorch(runRanks(launcher), 2);
  });
}

if (isLong) {
  for (const backend of ['wasm', 'portable']) {
    describe(`training over MPICH on the ${backend} backend`, () => {
      const run = runRanks('MPICH', 180, { BATCHNORM_BACKEND: backend });

      it('runs on that backend', async () => {
        for (const { backend: used } of await run(['backend'], 2)) expect(used).to.equal(backend);
      });
      testTraining(run, [2]);
      testFit('mpi', run, [2]);
    });
  }
}

const transports = {
  workers: runWorkers,
  ...Object.fromEntries(launcherNames.map((launcher) => [launcher, runRanks(launcher, 600)])),
};

describe('100 steps of a network with different numbers of samples on each rank', () => {
  for (const size of sizes) {
    it(`have the same bits on all of ${size} ranks and over every transport`, async () => {
      const expected = await runWorkers(['steps'], 1);
      const hashes: unknown[] = [];
      for (const run of Object.values(transports)) {
        for (const { steps } of await run(['steps'], size)) hashes.push(steps);
      }
      expect(hashes).to.have.length(3 * size);
      for (const each of hashes) expect(each).to.deep.equal(hashes[0]);
      // Other samples than those of one rank alone.
      expect(hashes[0]).not.to.deep.equal(expected[0].steps);
    });
  }
});

if (isLong) {
  describe('10,000 steps', () => {
    for (const [transport, run] of Object.entries(transports)) {
      it(`need no more memory at the end than after the first tenth: ${transport}`, async () => {
        for (const { leak } of await run(['leak'], 2)) {
          const [early, late] = leak as [Memory, Memory];
          // 58 bytes a step: an object with four fields.
          expect(late.objects - early.objects, 'MiB of objects').to.be.below(0.5);
          // A leak of the smallest message, 25 doubles, would take 14 MiB.
          expect(late.others - early.others, `MiB after ${early.others}`).to.be.below(8);
        }
      });
    }
  });
}
