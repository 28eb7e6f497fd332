import { expect } from 'chai';
import type { RunScenarios } from './transport-cases.js';

const final = ['ERR_BATCHNORM_TIMEOUT', 'ERR_BATCHNORM_PEER', 'ERR_BATCHNORM_MISMATCH'];

/** Random sequences of calls that differ between ranks end, with the same outcomes on all ranks. */
export function testRandomCalls(run: RunScenarios, size: number, seeds: readonly number[]): void {
  const limit = 120_000 + seeds.length * 30_000;
  it(`ends with errors when ${size} ranks make calls that differ, and never with wrong values`, async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const scenario = `fuzz ${seed}`;
      const reports = (await run([scenario], size)).map((report) => report[scenario] as string[]);
      expect(reports).to.have.length(size);
      const common = Math.min(...reports.map(({ length }) => length)) - 1;
      for (let call = 0; call < common; call++) {
        const outcomes = new Set(reports.map((report) => report[call]));
        expect([...outcomes], `seed ${seed}, call ${call}`).to.have.length(1);
        for (const outcome of outcomes) seen.add(outcome ?? '');
      }
      for (const report of reports) {
        for (const outcome of report) expect(['right', ...final], `seed ${seed}`).to.include(outcome);
      }
    }
    expect([...seen]).to.include.members(['right', 'ERR_BATCHNORM_MISMATCH']);
  }).timeout(limit);
}
