import { expect } from 'chai';
import { batchNormReference, channelIndices } from '../../support/float64.js';
import { expectWithin, largest, roundoff } from '../../support/expect-within.js';
import {
  batchOf,
  channelsOf,
  type NormCase,
  normCases,
  type NormReport,
  parametersOf,
  steps,
} from './programs/norm-cases.js';
import type { RunScenarios } from './transport-cases.js';

/** Mocha tests of training that every transport must pass. */
export function testTraining(run: RunScenarios, sizes: readonly (2 | 3)[]): void {
  for (const size of sizes) {
    describe(`of ${size} ranks, synchronized batch norm`, () => {
      let reports: Record<string, unknown>[] = [];

      before(async () => {
        reports = await run(['norms'], size);
      });

      for (const each of normCases) {
        it(`equals one process on the whole batch: ${each.name}`, () => {
          const ofCase = reports.map(({ norms }) => (norms as Record<string, NormReport[]>)[each.name] ?? []);
          const running = { mean: filled(each, 0), variance: filled(each, 1) };
          for (let step = 0; step < steps; step++) {
            const ofStep = ofCase.map((report) => report[step]);
            compareStep(each, size, step, ofStep, running);
          }
        });
      }
    });
  }
}

const filled = (each: NormCase, value: number) => new Float64Array(channelsOf(each)).fill(value);

/** Compares the parts of all ranks with the float64 formulas on the whole batch, within the limits of the contract. */
function compareStep(
  each: NormCase,
  size: number,
  step: number,
  ranks: readonly NormReport[],
  running: { readonly mean: Float64Array; readonly variance: Float64Array },
): void {
  const { samples, length, x, dy, residual } = batchOf(each, size, step);
  const { scale, bias } =
    each.affine === false ? { scale: filled(each, 1), bias: filled(each, 0) } : parametersOf(each);
  const channels = channelsOf(each);
  const isLast = each.channelAxis > 0;
  const layout = isLast
    ? { images: (samples * length) / channels, channels, plane: 1 }
    : { images: samples, channels, plane: length / channels };
  const channelAt = (i: number) => Math.floor(i / layout.plane) % channels;
  const normalized = batchNormReference(x, dy, layout, scale, bias, 1e-5);
  const y = normalized.y.map((value, i) => value + (each.fusion === 'residual' ? residual[i] : 0));
  const passed = dy.map((value, i) => (each.fusion !== undefined && y[i] <= 0 ? 0 : value));
  const exact = batchNormReference(x, passed, layout, scale, bias, 1e-5);
  const together = (name: keyof NormReport) => ranks.flatMap((report) => report[name]);
  const added = (name: keyof NormReport) =>
    Array.from({ length: channels }, (_, c) => ranks.reduce((sum, report) => sum + report[name][c], 0));
  const limit = (bound: (c: number, at: readonly number[]) => number) =>
    Array.from({ length: channels }, (_, c) => bound(c, [...channelIndices(layout, c)]));
  const invStd = (c: number) => 1 / Math.sqrt(exact.statistics[c].variance + 1e-5);
  const what = `step ${step}: `;

  const outputs = each.fusion === undefined ? y : y.map((value) => Math.max(0, value));
  const yLimits = limit((c, at) => {
    const spread = Math.max(largest(at.map((i) => normalized.y[i] - bias[c])), Math.abs(bias[c]));
    const ofResidual = each.fusion === 'residual' ? roundoff * (spread + 2) : 0;
    return 1e-6 * spread + ofResidual;
  });
  expectWithin(together('y'), outputs, (i) => yLimits[channelAt(i)], `${what}y`);
  const dxLimits = limit((c, at) => 4e-6 * largest(at.map((i) => scale[c] * invStd(c) * passed[i])));
  expectWithin(together('dx'), exact.dx, (i) => dxLimits[channelAt(i)], `${what}dx`);
  if (each.fusion === 'residual') expect(together('dresidual')).to.deep.equal([...passed]);
  if (each.affine !== false) {
    const xHat = (c: number, i: number) => (x[i] - exact.statistics[c].mean) * invStd(c);
    const dscaleLimits = limit((c, at) => 1e-6 * sum(at.map((i) => Math.abs(passed[i] * xHat(c, i)))));
    const dbiasLimits = limit((_, at) => 1e-6 * sum(at.map((i) => Math.abs(passed[i]))));
    expectWithin(added('dscale'), exact.dscale, (c) => dscaleLimits[c], `${what}dscale`);
    expectWithin(added('dbias'), exact.dbias, (c) => dbiasLimits[c], `${what}dbias`);
  }

  const weight = each.momentum === 'cumulative' ? 1 / (step + 1) : (each.momentum ?? 0.1);
  for (let c = 0; c < channels; c++) {
    const { mean, variance, count } = exact.statistics[c];
    running.mean[c] = (1 - weight) * running.mean[c] + weight * mean;
    running.variance[c] = (1 - weight) * running.variance[c] + (weight * variance * count) / (count - 1);
  }
  for (const [rank, report] of ranks.entries()) {
    const own = `${what}rank ${rank}: running `;
    const deviations = exact.statistics.map(({ variance }) => Math.sqrt(variance));
    expectWithin(
      report.mean,
      running.mean,
      (c) => 2e-6 * deviations[c] + 4 * roundoff * Math.abs(running.mean[c]),
      `${own}mean`,
    );
    expectWithin(report.variance, running.variance, (c) => 3e-6 * running.variance[c], `${own}variance`);
    expect(report.mean, own).to.deep.equal(ranks[0]?.mean);
    expect(report.variance, own).to.deep.equal(ranks[0]?.variance);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
