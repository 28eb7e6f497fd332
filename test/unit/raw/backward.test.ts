import { batchNormBackward, batchNormTraining } from 'batchnorm/raw';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { batchNormReference, channelIndices } from '../../support/float64.js';
import { seeded, values } from '../../support/random.js';

function input(shape: readonly [number, number, number, number], mean = 0, dyMean = 0) {
  const rng = seeded(11);
  const [n, c, h, w] = shape;
  const x = values(rng, n * c * h * w, 1, mean);
  const dy = values(rng, n * c * h * w, 1, dyMean);
  const scale = values(rng, c, 1, 1.5);
  const bias = values(rng, c);
  const { y, ...saved } = batchNormTraining({ shape, x, scale, bias });
  expect(y.length).to.equal(x.length);
  return { shape, x, dy, scale, bias, ...saved };
}

describe('raw batchNormBackward', () => {
  const shapes = [
    [2, 1, 1, 1],
    [4, 3, 2, 2],
    [3, 17, 7, 7],
    [1, 2, 65, 67],
    [256, 6, 1, 1],
    [9, 1, 100, 100],
  ] as const;
  for (const shape of shapes) {
    for (const [mean, dyMean] of [
      [0, 0],
      [1e4, 0],
      [0, 100],
    ]) {
      it(`matches double precision for ${JSON.stringify(shape)}, x around ${mean}, dy around ${dyMean}`, () => {
        const given = input(shape, mean, dyMean);
        const layout = { images: shape[0], channels: shape[1], plane: shape[2] * shape[3] };
        const { x, dy, scale, bias } = given;
        const expected = batchNormReference(x, dy, layout, scale, bias, 1e-5);
        const { dx, dscale, dbias } = batchNormBackward(given);
        for (let c = 0; c < layout.channels; c++) {
          const { mean: m, variance } = expected.statistics[c];
          const invStd = 1 / Math.sqrt(variance + 1e-5);
          const places = [...channelIndices(layout, c)];
          const dySize = places.reduce((sum, i) => sum + Math.abs(dy[i]), 0);
          const productSize = places.reduce((sum, i) => sum + Math.abs(dy[i] * (x[i] - m) * invStd), 0);
          const dyLargest = places.reduce((most, i) => Math.max(most, Math.abs(dy[i])), 0);
          expect(dbias[c]).to.be.closeTo(expected.dbias[c], 1e-6 * dySize);
          expect(dscale[c]).to.be.closeTo(expected.dscale[c], 1e-6 * productSize);
          expectNear(
            places.map((i) => dx[i]),
            places.map((i) => expected.dx[i]),
            4e-6 * scale[c] * invStd * dyLargest,
            `dx of channel ${c}`,
          );
        }
      });
    }
  }

  it('returns out, and dx may be dy', () => {
    const given = input([4, 3, 2, 2]);
    const expected = batchNormBackward(given);
    const out = { dx: given.dy, dscale: new Float32Array(3), dbias: new Float32Array(3) };
    expect(batchNormBackward(given, out)).to.equal(out);
    expect(out.dx).to.deep.equal(expected.dx);
    expect(out.dscale).to.deep.equal(expected.dscale);
  });

  it('refuses invalid arguments by name', () => {
    const raw = batchNormBackward as Untyped;
    const given = input([4, 3, 2, 2]);
    expectError(() => raw(), TypeError, 'an object for input');
    expectError(() => raw({ ...given, dy: new Float32Array(3) }), RangeError, '48 values for dy');
    expectError(() => raw({ ...given, invStd: null }), TypeError, 'for invStd', 'null');
    expectError(() => raw(given, {}), TypeError, 'out.dx');
    const out = { dx: given.x, dscale: new Float32Array(3), dbias: new Float32Array(3) };
    expectError(() => raw(given, out), RangeError, 'for dx', 'x');
  });
});
