import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RunScenarios } from '../../unit/distributed/transport-cases.js';
import { launch, type LauncherName, programPath } from './launch.js';

const program = programPath('../../unit/distributed/programs/rank.js');

/** After these the group has failed, so the processes end with an exit code other than 0. */
const failing = /timeout|fuzz/i;

/** Runs scenarios in one group of processes, which must succeed; returns what each rank reports, by scenario. */
export function runRanks(
  launcher: LauncherName,
  limit = 60,
  added: Readonly<Record<string, string>> = {},
): RunScenarios {
  return async (scenarios, size) => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-mpi-'));
    try {
      const environment = { ...added, BATCHNORM_TEST_RESULTS: folder };
      const { status, stderr } = await launch(launcher, size, program, scenarios, { environment, limit });
      if (!scenarios.some((name) => failing.test(name))) expect(status, stderr).to.equal(0);
      return readdirSync(folder)
        .sort()
        .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
