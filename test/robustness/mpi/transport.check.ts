import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { testRandomCalls } from '../../unit/distributed/fuzz-cases.js';
import { testTransport } from '../../unit/distributed/transport-cases.js';
import { launch, launcherNames, programPath } from './launch.js';

const program = programPath('../../unit/distributed/programs/rank.js');
const isLong = process.env.BATCHNORM_TEST_LONG === '1';

for (const launcher of launcherNames) {
  describe(`a group over ${launcher}`, () => {
    const run = async (scenarios: readonly string[], size: number): Promise<Record<string, unknown>[]> => {
      const folder = mkdtempSync(join(tmpdir(), 'batchnorm-mpi-'));
      try {
        const environment = { BATCHNORM_TEST_RESULTS: folder };
        const { status, stderr } = await launch(launcher, size, program, scenarios, { environment });
        const failsOnPurpose = scenarios.some((name) => /timeout|fuzz/i.test(name));
        if (!failsOnPurpose) expect(status, stderr).to.equal(0);
        return readdirSync(folder)
          .sort()
          .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>);
      } finally {
        rmSync(folder, { recursive: true });
      }
    };

    testTransport('mpi', run, isLong ? [1, 2, 3, 4] : [2]);
    testRandomCalls(run, 2, isLong ? Array.from({ length: 20 }, (_, i) => i) : [1]);
    if (isLong) testRandomCalls(run, 4, [1, 2, 3, 4]);
  });
}
