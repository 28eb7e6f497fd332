import { testRandomCalls } from '../../unit/distributed/fuzz-cases.js';
import { testTransport } from '../../unit/distributed/transport-cases.js';
import { launcherNames } from './launch.js';
import { runRanks } from './run-ranks.js';

const isLong = process.env.BATCHNORM_TEST_LONG === '1';

for (const launcher of launcherNames) {
  describe(`a group over ${launcher}`, () => {
    const run = runRanks(launcher, isLong ? 280 : 60);
    testTransport('mpi', run, isLong ? [1, 2, 3, 4] : [2]);
    testRandomCalls(run, 2, isLong ? Array.from({ length: 20 }, (_, i) => i) : [1]);
    if (isLong) testRandomCalls(run, 4, [1, 2, 3, 4]);
  });
}
