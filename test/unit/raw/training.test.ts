import { batchNormTraining, type TrainingInput } from 'batchnorm/raw';
import { expect } from 'chai';
import { detached, expectError, type Untyped } from '../../support/errors.js';
import { expectNear, largest } from '../../support/expect-near.js';
import { batchNormReference, channelIndices, type Layout } from '../../support/float64.js';
import { seeded, values } from '../../support/random.js';

type Shape = TrainingInput['shape'];

const layoutOf = (shape: Shape): Layout =>
  shape.length === 3
    ? { images: 1, channels: shape[0], plane: shape[1] * shape[2] }
    : { images: shape[0], channels: shape[1], plane: shape[2] * shape[3] };

function input(shape: Shape, deviation = 1, mean = 0) {
  const rng = seeded(shape.reduce((a, b) => a * 31 + b, 7));
  const { images, channels, plane } = layoutOf(shape);
  return {
    shape,
    x: values(rng, images * channels * plane, deviation, mean),
    scale: values(rng, channels, 1, 1.5),
    bias: values(rng, channels),
    runningMean: new Float32Array(channels),
    runningVar: new Float32Array(channels).fill(1),
    epsilon: 1e-5,
    momentum: 0.1,
  };
}

function output(shape: Shape) {
  const { images, channels, plane } = layoutOf(shape);
  return {
    y: new Float32Array(images * channels * plane),
    mean: new Float32Array(channels),
    meanLow: new Float32Array(channels),
    invStd: new Float32Array(channels),
  };
}

describe('raw batchNormTraining', () => {
  const shapes: Shape[] = [
    [2, 1, 1, 1],
    [1, 1, 1, 2],
    [4, 3, 2, 2],
    [3, 5, 7],
    [5, 2, 1, 9],
    [3, 17, 7, 7],
    [2, 4, 14, 14],
    [1, 2, 65, 67],
    [256, 6, 1, 1],
    [9, 1, 100, 100],
  ];
  for (const shape of shapes) {
    for (const mean of [0, 1e4]) {
      it(`matches double precision for ${JSON.stringify(shape)} around ${mean}`, () => {
        const given = input(shape, 1, mean);
        const layout = layoutOf(shape);
        const reference = batchNormReference(
          given.x,
          given.x,
          layout,
          given.scale,
          given.bias,
          given.epsilon,
        );
        const { y, mean: high, meanLow, invStd } = batchNormTraining(given);
        for (let c = 0; c < layout.channels; c++) {
          const { count, mean: expectedMean, variance } = reference.statistics[c];
          const sigma = Math.sqrt(variance);
          expect(high[c] + meanLow[c]).to.be.closeTo(expectedMean, 1e-6 * sigma + 1e-12);
          expect(invStd[c] * Math.sqrt(variance + 1e-5)).to.be.closeTo(1, 1e-6);
          expect(given.runningMean[c]).to.be.closeTo(0.1 * expectedMean, 1e-7 * (1 + Math.abs(expectedMean)));
          const unbiased = (variance * count) / (count - 1);
          expect(given.runningVar[c] / (0.9 + 0.1 * unbiased)).to.be.closeTo(1, 1e-6);
          const places = [...channelIndices(layout, c)];
          const expected = places.map((i) => reference.y[i]);
          const size = Math.max(largest(expected.map((v) => v - given.bias[c])), Math.abs(given.bias[c]));
          expectNear(
            places.map((i) => y[i]),
            expected,
            1e-6 * size,
            `y of channel ${c}`,
          );
        }
      });
    }
  }

  it('stays accurate with an outlier as first element', () => {
    const given = input([2, 1, 64, 64]);
    given.x[0] = 1e4;
    const { invStd } = batchNormTraining(given);
    const { statistics } = batchNormReference(
      given.x,
      given.x,
      layoutOf(given.shape),
      given.scale,
      given.bias,
      1e-5,
    );
    const variance = 1 / invStd[0] ** 2 - 1e-5;
    expect(variance / statistics[0].variance).to.be.closeTo(1, 1e-6);
  });

  it('returns exactly the bias for a constant channel', () => {
    const given = input([4, 2, 9, 9]);
    given.x.fill(123.456);
    const { y } = batchNormTraining(given);
    for (let c = 0; c < 2; c++) {
      for (const i of channelIndices(layoutOf(given.shape), c)) expect(y[i]).to.equal(given.bias[c]);
    }
  });

  it('confines NaN and Inf to their channel', () => {
    for (const bad of [NaN, Infinity]) {
      const given = input([2, 3, 4, 4]);
      given.x[16 + 3] = bad;
      const { y } = batchNormTraining(given);
      const finite = (c: number) =>
        [...channelIndices(layoutOf(given.shape), c)].every((i) => Number.isFinite(y[i]));
      expect([0, 1, 2].map(finite)).to.deep.equal([true, false, true]);
      expect(Number.isFinite(given.runningMean[2])).to.equal(true);
    }
  });

  it('runs without running statistics', () => {
    const { runningMean, runningVar, ...given } = input([2, 3, 4, 4]);
    expect(batchNormTraining(given).y).to.deep.equal(
      batchNormTraining({ ...given, runningMean, runningVar }).y,
    );
  });

  it('returns out and writes into its arrays', () => {
    const given = input([2, 3, 4, 4]);
    const out = output(given.shape);
    const arrays = { ...out };
    expect(batchNormTraining(given, out)).to.equal(out);
    expect({ ...out }).to.deep.equal(arrays);
    expect(out.y).to.equal(arrays.y);
    expect(out.y).to.deep.equal(batchNormTraining(input([2, 3, 4, 4])).y);
  });

  it('accepts arrays at an offset and over a SharedArrayBuffer', () => {
    const given = input([2, 3, 4, 4]);
    const expected = batchNormTraining({ ...given, runningMean: new Float32Array(3) }).y;
    const shared = new Float32Array(new SharedArrayBuffer(4 * 100), 4, 96);
    shared.set(given.x);
    expect(batchNormTraining({ ...given, x: shared }).y).to.deep.equal(expected);
  });

  describe('refuses and writes nothing:', () => {
    const raw = batchNormTraining as Untyped;
    const cases: [string, (g: ReturnType<typeof input>) => unknown, 'T' | 'R', string[]][] = [
      ['no object', () => undefined, 'T', ['an object for input', 'undefined']],
      ['plain arrays', (g) => ({ ...g, x: [...g.x] }), 'T', ['Float32Array for x', 'Array']],
      ['doubles', (g) => ({ ...g, x: new Float64Array(g.x) }), 'T', ['for x', 'Float64Array']],
      ['a short x', (g) => ({ ...g, x: g.x.slice(1) }), 'R', ['96 values for x', '95']],
      ['a long scale', (g) => ({ ...g, scale: new Float32Array(4) }), 'R', ['3 values for scale']],
      ['a detached x', (g) => ({ ...g, x: detached(96) }), 'T', ['of x', 'detached']],
      ['a missing bias', (g) => ({ ...g, bias: undefined }), 'T', ['for bias', 'undefined']],
      ['a 2D shape', (g) => ({ ...g, shape: [2, 48] }), 'R', ['3D', '[2, 48]']],
      ['no shape', (g) => ({ ...g, shape: 'NCHW' }), 'T', ['for shape', '"NCHW"']],
      ['a negative size', (g) => ({ ...g, shape: [2, -3, 4, 4] }), 'R', ['shape[1]', '-3']],
      ['a fractional size', (g) => ({ ...g, shape: [2, 3, 4, 0.5] }), 'R', ['shape[3]', '0.5']],
      ['an absurd shape', (g) => ({ ...g, shape: [2 ** 30, 3, 4, 4] }), 'R', ['for shape']],
      [
        'one value per channel',
        (g) => ({
          ...g,
          shape: [1, 96, 1, 1],
          x: g.x,
          scale: new Float32Array(96),
          bias: new Float32Array(96),
          runningMean: new Float32Array(96),
          runningVar: new Float32Array(96),
        }),
        'R',
        ['two values per channel', '[1, 96, 1, 1]'],
      ],
      [
        'an empty batch',
        (g) => ({ ...g, shape: [0, 3, 4, 4], x: new Float32Array(0) }),
        'R',
        ['empty batch'],
      ],
      ['epsilon 0', (g) => ({ ...g, epsilon: 0 }), 'R', ['for epsilon', '0']],
      ['a string epsilon', (g) => ({ ...g, epsilon: '1' }), 'T', ['for epsilon', '"1" of type string']],
      ['momentum 1.5', (g) => ({ ...g, momentum: 1.5 }), 'R', ['for momentum', '1.5']],
      ['one running statistic', (g) => ({ ...g, runningVar: undefined }), 'T', ['for runningVar']],
    ];
    for (const [name, change, type, parts] of cases) {
      it(name, () => {
        const given = input([2, 3, 4, 4]);
        const before = given.runningMean.slice();
        expectError(() => raw(change(given)), type === 'T' ? TypeError : RangeError, ...parts);
        expect(given.runningMean).to.deep.equal(before);
      });
    }

    it('an incomplete out', () => {
      const { invStd, ...rest } = output([2, 3, 4, 4]);
      expect(invStd.length).to.equal(3);
      expectError(() => raw(input([2, 3, 4, 4]), rest), TypeError, 'out.invStd', 'undefined');
    });

    it('an out that overlaps x', () => {
      const given = input([2, 3, 4, 4]);
      const out = { ...output(given.shape), y: given.x };
      expectError(() => raw(given, out), RangeError, 'for y', 'overlaps');
    });

    for (const name of ['runningMean', 'runningVar'] as const) {
      it(`a ${name} that overlaps an output or an input`, () => {
        const given = input([2, 3, 4, 4]);
        const out = output(given.shape);
        const refused = (change: object) =>
          expectError(() => raw({ ...given, ...change }, out), RangeError, name, 'overlap');
        refused({ [name]: out.mean });
        refused({ [name]: out.y.subarray(0, 3) });
        refused({ [name]: given.scale });
        refused({ runningMean: given.runningMean, runningVar: given.runningMean });
      });
    }

    it('outputs that overlap each other', () => {
      const given = input([2, 3, 4, 4]);
      const out = output(given.shape);
      expectError(() => raw(given, { ...out, meanLow: out.mean }), RangeError, 'meanLow', 'for mean');
    });
  });
});
