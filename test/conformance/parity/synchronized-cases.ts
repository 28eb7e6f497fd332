import { expect } from 'chai';
import { expectWithin } from '../../support/expect-within.js';
import {
  dividedCases,
  firstOf,
  type PyTorchReport,
} from '../../unit/distributed/programs/pytorch-scenarios.js';
import type { RunScenarios } from '../../unit/distributed/transport-cases.js';
import type { BatchNormCase } from '../reference/read.js';
import { boundsOf, channelAt, type Drift, grow, layoutOf, type Statistics } from './batch-norm-bounds.js';

/** Mocha tests of synchronized batch norm that every transport must pass. */
export function testPyTorch(run: RunScenarios, size: number): void {
  describe(`synchronized batch norm of ${size} ranks compared with PyTorch on the whole batch`, () => {
    let reports: readonly (readonly (readonly PyTorchReport[])[])[] = [];

    before(async () => {
      const results = await run(['pyTorch'], size);
      reports = results.map(({ pyTorch }) => pyTorch as PyTorchReport[][]);
    });

    it('has enough cases, with ranks that have nothing', () => {
      expect(dividedCases).to.have.length.at.least(40);
      const isEmpty = ({ shape: [samples] }: BatchNormCase) =>
        firstOf(samples, size - 1, size) === samples || firstOf(samples, 1, size) === 0;
      expect(dividedCases.filter(isEmpty)).to.have.length.at.least(3);
    });

    for (const [i, reference] of dividedCases.entries()) {
      it(reference.name, () => {
        compare(
          reference,
          reports.map((report) => report[i]),
        );
      });
    }
  });
}

/** Compares the parts of all ranks with PyTorch's whole, within the limits for one process. */
function compare(reference: BatchNormCase, ranks: readonly (readonly PyTorchReport[])[]): void {
  const layout = layoutOf(reference);
  let drift: Drift = {
    mean: reference.running_mean.map(() => 0),
    variance: reference.running_mean.map(() => 0),
  };
  let before: Statistics = reference;
  for (const [index, step] of reference.steps.entries()) {
    const bounds = boundsOf(reference, step);
    const ofStep = ranks.map((report) => report[index]);
    const place = `step ${index}: `;
    const joined = (name: 'y' | 'dx') => ofStep.flatMap((report) => report[name]);
    const added = (name: 'dscale' | 'dbias') =>
      ofStep[0][name].map((_, c) => ofStep.reduce((sum, report) => sum + report[name][c], 0));
    expectWithin(joined('y'), step.y, (at) => bounds.y[channelAt(layout, at)], `${place}y`);
    expectWithin(joined('dx'), step.dx, (at) => bounds.dx[channelAt(layout, at)], `${place}dx`);
    expectWithin(added('dscale'), step.dscale ?? [], (c) => bounds.dscale[c], `${place}dscale`);
    expectWithin(added('dbias'), step.dbias ?? [], (c) => bounds.dbias[c], `${place}dbias`);
    const weight = reference.momentum === 'cumulative' ? 1 / (index + 1) : reference.momentum;
    drift = grow(drift, weight, bounds.exact, before, step);
    for (const { runningMean, runningVar } of ofStep) {
      expectWithin(runningMean, step.running_mean, (c) => drift.mean[c], `${place}runningMean`);
      expectWithin(runningVar, step.running_var, (c) => drift.variance[c], `${place}runningVar`);
    }
    before = step;
  }
}
