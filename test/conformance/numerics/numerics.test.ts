import { batchNormInference, batchNormTraining } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectWithin, largest } from '../../support/expect-within.js';
import { adversarialCases, patternCount } from './adversarial.js';
import type { Case } from './case.js';
import { type Errors, errorsOf, limits, quantities } from './errors.js';
import { naive, ours } from './implementations.js';
import { randomCase } from './random-cases.js';
import { ratios, sweepCase } from './sweep.js';

/** `npm run check -- numerics` measures more cases, and compares with other implementations. */
const randomCount = 40;

function exceeded(errors: Errors): string[] {
  return quantities
    .filter((name) => !(errors[name] <= limits[name]))
    .map((name) => `${name} ${errors[name]}`);
}

function expectWithinContract(given: Case): void {
  const { images, channels, plane } = given.layout;
  const what = `${given.name}, ${images} × ${channels} × ${plane}`;
  expect(exceeded(errorsOf(given, ours(given))), what).to.deep.equal([]);
}

describe('numerics contract', () => {
  it(`holds for ${randomCount} random inputs`, () => {
    for (let index = 0; index < randomCount; index++) expectWithinContract(randomCase(index));
  });

  it(`holds for ${patternCount} adversarial patterns`, () => {
    expect(patternCount).to.be.at.least(30);
    for (const given of adversarialCases()) expectWithinContract(given);
  });

  it('gives exactly the bias for constant channels', () => {
    for (const given of adversarialCases(/^constant [−\d.e-]+$/)) {
      const { channels, plane } = given.layout;
      const { y } = ours(given);
      const wrong = y.findIndex((value, i) => value !== given.bias[Math.floor(i / plane) % channels]);
      expect(wrong, given.name).to.equal(-1);
    }
  });

  it('bounds the error of inference by the rounding of the running mean to float32', () => {
    for (const ratio of ratios) {
      const { layout, x, scale, bias, epsilon } = sweepCase(ratio);
      const { images, channels, plane } = layout;
      const given = { x, shape: [images, channels, plane, 1] as const, scale, bias, epsilon };
      const runningMean = new Float32Array(channels);
      const runningVar = new Float32Array(channels);
      const training = batchNormTraining({ ...given, runningMean, runningVar, momentum: 1 });
      const count = images * plane;
      for (let c = 0; c < channels; c++) runningVar[c] *= (count - 1) / count;
      const y = batchNormInference({ ...given, runningMean, runningVar });
      const limit = 1e-6 * largest(training.y) + 2 ** -24 * ratio;
      expectWithin(y, training.y, () => limit, `mean / std = ${ratio}`);
    }
  });

  it('is violated by E[x²] − E[x]², so the measurement can fail', () => {
    const broken = new Set<string>();
    for (const given of adversarialCases(/1e4 × std|1e18 in/)) {
      for (const each of exceeded(errorsOf(given, naive(given)))) broken.add(each.split(' ')[0]);
    }
    expect([...broken]).to.have.members(quantities);
  });
});
