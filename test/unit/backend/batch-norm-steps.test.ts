import { named } from '#lib/backend/argument';
import { backend } from '#lib/backend/index';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

// Compares the separate steps of batch norm with the fused operation, bit for bit, and with float64 references.

type Shape = readonly [images: number, channels: number, plane: number];

/** Planes of one pixel, below and above a vector, and channels that threads share in both ways. */
const shapes: readonly Shape[] = [
  [2, 1, 1],
  [5, 19, 1],
  [3, 4, 9],
  [4, 9, 49],
  [1, 3, 65],
  [2, 2, 12544],
  [3, 40, 784],
];
const epsilon = 1e-5;
const momentum = 0.1;

class Layer {
  readonly n: number;
  readonly count: number;
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly residual: Float32Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;

  constructor(readonly shape: Shape) {
    const [images, channels, plane] = shape;
    this.n = images * channels * plane;
    this.count = images * plane;
    const rng = seeded(this.n);
    // Far from zero, where a float32 mean would lose digits.
    this.x = values(rng, this.n, 2, 1e4);
    this.dy = values(rng, this.n);
    this.residual = values(rng, this.n);
    this.scale = values(rng, channels);
    this.bias = values(rng, channels);
  }

  /** The fused operations, forward and backward. */
  fused(relu: boolean, adding: boolean) {
    const [, channels] = this.shape;
    const results = arrays(this.n, channels);
    const { y, mean, meanLow, invStd, factor, shift, dx, dresidual, dscale, dbias } = results;
    const when = <T>(given: boolean, value: T): T | null => (given ? value : null);
    backend.batchNormTraining(
      ...this.shape,
      epsilon,
      momentum,
      relu,
      named('x', this.x),
      named('scale', this.scale),
      named('bias', this.bias),
      null,
      null,
      when(adding, named('residual', this.residual)),
      y,
      mean,
      meanLow,
      invStd,
      when(relu, factor),
      when(relu, shift),
    );
    backend.batchNormBackward(
      ...this.shape,
      relu,
      named('x', this.x),
      named('dy', this.dy),
      named('scale', this.scale),
      mean,
      meanLow,
      invStd,
      when(relu, y),
      when(relu, factor),
      when(relu, shift),
      dx,
      when(adding, dresidual),
      dscale,
      dbias,
    );
    return results;
  }

  /** The same, step by step. */
  steps(relu: boolean, adding: boolean) {
    const [, channels] = this.shape;
    const results = arrays(this.n, channels);
    const { y, mean, meanLow, invStd, factor, shift, dx, dresidual, dscale, dbias } = results;
    const doubles = () => new Float64Array(channels);
    const [means, m2, invStds, sumDy, sumDyXmu] = [doubles(), doubles(), doubles(), doubles(), doubles()];
    const when = <T>(given: boolean, value: T): T | null => (given ? value : null);
    backend.batchNormMoments(...this.shape, named('x', this.x), named('mean', means), named('m2', m2));
    for (let c = 0; c < channels; c++) {
      invStds[c] = 1 / Math.sqrt(m2[c] / this.count + epsilon);
      mean[c] = means[c];
      meanLow[c] = means[c] - mean[c];
      invStd[c] = invStds[c];
    }
    backend.batchNormNormalize(
      ...this.shape,
      relu,
      named('x', this.x),
      named('mean', means),
      named('invStd', invStds),
      named('scale', this.scale),
      named('bias', this.bias),
      when(adding, named('residual', this.residual)),
      y,
      when(relu, factor),
      when(relu, shift),
    );
    backend.batchNormGradientSums(
      ...this.shape,
      relu,
      named('x', this.x),
      named('dy', this.dy),
      mean,
      meanLow,
      when(relu, y),
      when(relu, factor),
      when(relu, shift),
      when(adding, dresidual),
      named('sumDy', sumDy),
      named('sumDyXmu', sumDyXmu),
    );
    for (let c = 0; c < channels; c++) {
      dbias[c] = sumDy[c];
      dscale[c] = invStd[c] * sumDyXmu[c];
    }
    backend.batchNormInputGradient(
      ...this.shape,
      this.count,
      relu && !adding,
      named('x', this.x),
      adding ? named('dy', dresidual) : named('dy', this.dy),
      named('scale', this.scale),
      mean,
      meanLow,
      invStd,
      when(relu && !adding, y),
      when(relu && !adding, factor),
      when(relu && !adding, shift),
      named('sumDy', sumDy),
      named('sumDyXmu', sumDyXmu),
      dx,
    );
    return { ...results, means, m2, sumDy, sumDyXmu };
  }
}

function arrays(n: number, channels: number) {
  return {
    y: named('y', new Float32Array(n)),
    mean: named('mean', new Float32Array(channels)),
    meanLow: named('meanLow', new Float32Array(channels)),
    invStd: named('invStd', new Float32Array(channels)),
    factor: named('factor', new Float32Array(channels)),
    shift: named('shift', new Float32Array(channels)),
    dx: named('dx', new Float32Array(n)),
    dresidual: named('dresidual', new Float32Array(n)),
    dscale: named('dscale', new Float32Array(channels)),
    dbias: named('dbias', new Float32Array(channels)),
  };
}

describe('the steps of batch norm', () => {
  for (const [relu, adding, what] of [
    [false, false, 'alone'],
    [true, false, 'with a ReLU'],
    [true, true, 'with a residual and a ReLU'],
  ] as const) {
    it(`are bit-identical to the fused operation, ${what}`, () => {
      for (const shape of shapes) {
        const layer = new Layer(shape);
        const fused = layer.fused(relu, adding);
        const steps = layer.steps(relu, adding);
        for (const name of Object.keys(fused) as (keyof typeof fused)[]) {
          expect(
            Buffer.compare(Buffer.from(fused[name].buffer), Buffer.from(steps[name].buffer)),
            `${name} of ${shape.join(' x ')}`,
          ).to.equal(0);
        }
      }
    });
  }

  it('compute moments and gradient sums that match float64', () => {
    for (const shape of shapes) {
      const [images, channels, plane] = shape;
      const layer = new Layer(shape);
      const { means, m2, mean, meanLow, sumDy, sumDyXmu } = layer.steps(false, false);
      for (let c = 0; c < channels; c++) {
        const places = Array.from({ length: images }, (_, image) => (image * channels + c) * plane).flatMap(
          (begin) => Array.from({ length: plane }, (_, i) => begin + i),
        );
        const sum = (f: (place: number) => number) => places.reduce((total, place) => total + f(place), 0);
        const exactMean = sum((i) => layer.x[i]) / places.length;
        const exactM2 = sum((i) => (layer.x[i] - exactMean) ** 2);
        const sigma = Math.sqrt(exactM2 / places.length);
        const name = `channel ${c} of ${shape.join(' x ')}`;
        expect(Math.abs(means[c] - exactMean), `mean, ${name}`).to.be.at.most(1e-6 * sigma);
        expect(Math.abs(m2[c] - exactM2), `m2, ${name}`).to.be.at.most(1e-6 * exactM2);
        const center = mean[c] + meanLow[c];
        const dySize = sum((i) => Math.abs(layer.dy[i]));
        const productSize = sum((i) => Math.abs(layer.dy[i] * (layer.x[i] - center)));
        const exactDy = sum((i) => layer.dy[i]);
        const exactProducts = sum((i) => layer.dy[i] * (layer.x[i] - center));
        expect(Math.abs(sumDy[c] - exactDy), `sumDy, ${name}`).to.be.at.most(1e-6 * dySize);
        expect(Math.abs(sumDyXmu[c] - exactProducts), `sumDyXmu, ${name}`).to.be.at.most(1e-6 * productSize);
      }
    }
  });

  it('merge two batches to the moments of both, and normalize each with them', () => {
    const whole = new Layer([6, 3, 50]);
    const [, channels, plane] = whole.shape;
    const imageSize = channels * plane;
    const parts = [0, 2].map((from, i) => ({ images: [2, 4][i], from: from * imageSize }));
    const moments = parts.map(({ images, from }) => {
      const part = { count: images * plane, mean: new Float64Array(3), m2: new Float64Array(3) };
      const x = named('x', whole.x.subarray(from, from + images * imageSize));
      backend.batchNormMoments(images, channels, plane, x, named('mean', part.mean), named('m2', part.m2));
      return part;
    });
    const [a, b] = moments;
    const count = a.count + b.count;
    const merged = { mean: new Float64Array(3), invStd: new Float64Array(3) };
    for (let c = 0; c < channels; c++) {
      const delta = b.mean[c] - a.mean[c];
      merged.mean[c] = a.mean[c] + (delta * b.count) / count;
      const m2 = a.m2[c] + b.m2[c] + (delta * delta * a.count * b.count) / count;
      merged.invStd[c] = 1 / Math.sqrt(m2 / count + epsilon);
    }
    const y = new Float32Array(whole.n);
    for (const { images, from } of parts) {
      const to = from + images * imageSize;
      backend.batchNormNormalize(
        images,
        channels,
        plane,
        false,
        named('x', whole.x.subarray(from, to)),
        named('mean', merged.mean),
        named('invStd', merged.invStd),
        named('scale', whole.scale),
        named('bias', whole.bias),
        null,
        named('y', y.subarray(from, to)),
        null,
        null,
      );
    }
    const expected = whole.fused(false, false).y;
    for (let i = 0; i < whole.n; i++) expect(y[i]).to.be.closeTo(expected[i], 2e-6);
  });

  it('accept an empty batch, whose moments and sums are zeros', () => {
    const doubles = () => new Float64Array(2).fill(7);
    const [mean, m2, sumDy, sumDyXmu] = [doubles(), doubles(), doubles(), doubles()];
    const none = new Float32Array(0);
    const [low, high] = [new Float32Array(2), new Float32Array(2)];
    backend.batchNormMoments(0, 2, 4, named('x', none), named('mean', mean), named('m2', m2));
    backend.batchNormGradientSums(
      0,
      2,
      4,
      false,
      named('x', none),
      named('dy', none),
      named('mean', high),
      named('meanLow', low),
      null,
      null,
      null,
      null,
      named('sumDy', sumDy),
      named('sumDyXmu', sumDyXmu),
    );
    for (const each of [mean, m2, sumDy, sumDyXmu]) expect([...each]).to.deep.equal([0, 0]);
  });
});
