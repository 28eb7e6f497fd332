import { backward, BatchNorm1D, BatchNorm2D, BatchNorm3D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectWithin } from '../../support/expect-within.js';
import type { BatchNormCase, BatchNormStep } from '../reference/read.js';
import {
  boundsOf,
  cases,
  channelAt,
  classOf,
  type Drift,
  dxBound,
  float64Bound,
  grow,
  inferenceBounds,
  lastOf,
  layoutOf,
  load,
  type Statistics,
  sumBound,
  valuesOf,
  yBound,
} from './batch-norm-bounds.js';

describe('batch norm compared with PyTorch', () => {
  it('has enough cases', () => {
    expect(cases).to.have.length.at.least(60);
    for (const Layer of [BatchNorm1D, BatchNorm2D, BatchNorm3D]) {
      const ofLayer = cases.filter((each) => classOf(each) === Layer);
      expect(ofLayer).to.have.length.at.least(5);
      expect(ofLayer.filter(({ scale }) => scale === undefined)).to.have.length.at.least(1);
    }
  });

  for (const reference of cases) {
    describe(reference.name, () => {
      it('matches in training and inference', () => {
        trainAndInfer(reference);
      });

      it("matches in inference with PyTorch's final statistics", () => {
        inferFromReference(reference);
      });

      it('matches the float64 formulas of these tests', () => {
        for (const step of reference.steps) compareFormulas(reference, step);
      });
    });
  }
});

function trainAndInfer(reference: BatchNormCase): void {
  const { shape, momentum } = reference;
  const layout = layoutOf(reference);
  const bn = load(reference, reference.running_mean, reference.running_var);
  let drift: Drift = {
    mean: reference.running_mean.map(() => 0),
    variance: reference.running_mean.map(() => 0),
  };
  let before: Statistics = reference;

  reference.steps.forEach((step, index) => {
    const bounds = boundsOf(reference, step);
    const x = Tensor.from(step.x, shape);
    const y = bn.forwardMut(x.trace());
    const loss = y.reshape([step.dy.length]).mul(Tensor.from(step.dy, [step.dy.length]));
    const gradients = backward(loss.sum(), { keep: [y] });

    const place = `step ${index}: `;
    expectWithin(y.data, step.y, (i) => bounds.y[channelAt(layout, i)], `${place}y`);
    expectWithin(valuesOf(gradients.get(x)), step.dx, (i) => bounds.dx[channelAt(layout, i)], `${place}dx`);
    for (const [name, parameter, expected, bound] of [
      ['dscale', bn.scale, step.dscale, bounds.dscale],
      ['dbias', bn.bias, step.dbias, bounds.dbias],
    ] as const) {
      expect(parameter === undefined).to.equal(expected === undefined);
      if (parameter === undefined || expected === undefined) continue;
      expectWithin(valuesOf(gradients.get(parameter)), expected, (c) => bound[c], `${place}${name}`);
    }

    const weight = momentum === 'cumulative' ? 1 / (index + 1) : momentum;
    drift = grow(drift, weight, bounds.exact, before, step);
    const { mean, variance } = drift;
    const what = `${place}running`;
    expectWithin(bn.runningMean.data, step.running_mean, (c) => mean[c], `${what}Mean`);
    expectWithin(bn.runningVar.data, step.running_var, (c) => variance[c], `${what}Var`);
    before = step;
  });

  const last = lastOf(reference);
  const inference = bn.forward(Tensor.from(last.x, shape));
  const limits = inferenceBounds(reference, drift);
  expectWithin(inference.data, reference.y_infer, (i) => limits[channelAt(layout, i)], 'y of inference');
}

function inferFromReference(reference: BatchNormCase): void {
  const { shape } = reference;
  const layout = layoutOf(reference);
  const last = lastOf(reference);
  const y = load(reference, last.running_mean, last.running_var).forward(Tensor.from(last.x, shape));
  const limits = inferenceBounds(reference, undefined);
  expectWithin(y.data, reference.y_infer, (i) => limits[channelAt(layout, i)], 'y');
}

function compareFormulas(reference: BatchNormCase, step: BatchNormStep): void {
  const layout = layoutOf(reference);
  const { exact, y, dx, dscale, dbias } = boundsOf(reference, step);
  const atElement = (bounds: readonly number[], contract: number) => (i: number) =>
    (bounds[channelAt(layout, i)] / contract) * float64Bound;
  const atChannel = (bounds: readonly number[]) => (c: number) => (bounds[c] / sumBound) * float64Bound;
  expectWithin(exact.y, step.y, atElement(y, yBound), 'y');
  expectWithin(exact.dx, step.dx, atElement(dx, dxBound), 'dx');
  if (step.dscale !== undefined) expectWithin(exact.dscale, step.dscale, atChannel(dscale), 'dscale');
  if (step.dbias !== undefined) expectWithin(exact.dbias, step.dbias, atChannel(dbias), 'dbias');
}
