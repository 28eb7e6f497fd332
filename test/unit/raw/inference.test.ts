import { batchNormInference } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded, values } from '../../support/random.js';

function input() {
  const rng = seeded(5);
  return {
    shape: [3, 4, 5, 7] as const,
    x: values(rng, 420, 3),
    scale: values(rng, 4, 1, 1.5),
    bias: values(rng, 4),
    runningMean: values(rng, 4),
    runningVar: values(rng, 4, 0.5, 1),
  };
}

function reference({ x, scale, bias, runningMean, runningVar }: ReturnType<typeof input>) {
  return Array.from(x, (value, i) => {
    const c = Math.floor(i / 35) % 4;
    return ((value - runningMean[c]) / Math.sqrt(runningVar[c] + 1e-5)) * scale[c] + bias[c];
  });
}

describe('raw batchNormInference', () => {
  it('matches double precision', () => {
    const given = input();
    expectNear(batchNormInference(given), reference(given), 3e-6);
  });

  it('returns out, which may be x', () => {
    const given = input();
    const expected = batchNormInference(given);
    const out = new Float32Array(420);
    expect(batchNormInference(given, out)).to.equal(out);
    expect(out).to.deep.equal(expected);
    expect(batchNormInference(given, given.x)).to.equal(given.x);
    expect(given.x).to.deep.equal(expected);
  });

  it('returns an empty result for an empty batch', () => {
    const given = { ...input(), shape: [0, 4, 5, 7] as const, x: new Float32Array(0) };
    expect(batchNormInference(given)).to.have.length(0);
  });

  it('refuses partial overlap', () => {
    const memory = new Float32Array(421);
    const given = { ...input(), x: memory.subarray(0, 420) };
    const act = () => batchNormInference(given, memory.subarray(1));
    expectError(act, RangeError, 'for out', 'x itself', 'overlaps');
  });

  it('refuses out of a wrong length or type', () => {
    const raw = batchNormInference as Untyped;
    expectError(() => raw(input(), new Float32Array(419)), RangeError, '420 values for out', '419');
    expectError(() => raw(input(), 'here'), TypeError, 'Float32Array for out', '"here"');
  });

  it('refuses an invalid epsilon', () => {
    const raw = batchNormInference as Untyped;
    expectError(() => raw({ ...input(), epsilon: -1 }), RangeError, 'for epsilon', '-1');
  });
});
