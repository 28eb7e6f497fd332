import { inspect } from 'node:util';
import {
  backward,
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  Conv2D,
  fold,
  FrozenBatchNorm2D,
  Linear,
  moduleFromJSON,
  type OwnedTape,
  recalibrate,
  ReLU,
  Residual,
  Sequential,
  setNumThreads,
  type Shape,
  Tensor,
} from 'batchnorm';
import { backend } from '#lib/backend/index';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { batchNormReference } from '../../support/float64.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const count = (shape: Shape) => shape.reduce((product, size) => product * size, 1);
const random = <const S extends Shape>(seed: number, shape: S, deviation = 1, mean = 0): Tensor<S> =>
  Tensor.from(values(seeded(seed), count(shape), deviation, mean), shape);
const largest = (x: ArrayLike<number>) =>
  Array.from(x).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** A layer whose parameters and statistics are those of no default. */
function trained(options: { momentum?: number } = {}) {
  const bn = new BatchNorm2D(3, { channelsLast: true, epsilon: 1e-3, ...options });
  bn.scale.data.set([1.5, -0.5, 2]);
  bn.bias.data.set([0.25, 2, -1]);
  bn.runningMean.data.set([1, -3, 0.5]);
  bn.runningVar.data.set([4, 0.25, 1]);
  return bn;
}

/** The layer with the same values for channels in front. */
function twinOf(bn: BatchNorm2D<3, true, true>): BatchNorm2D<3> {
  return BatchNorm2D.fromJSON({ ...bn.toJSON(), channelsLast: false }) as BatchNorm2D<3>;
}

type Images = Tensor<readonly [number, number, number, number]>;
const toFront = (x: Images): Images => x.permute([0, 3, 1, 2]);

describe('batch norm of channels in the last axis', () => {
  const path = temporaryDirectory();

  it('is as accurate as the numerics contract says, with many rows and with few', () => {
    for (const [images, channels, mean] of [
      [5, 3, 0],
      [700, 3, 0],
      [700, 19, 1e4],
      [3000, 2, -1e4],
      [300, 130, 3],
      // So many channels that the sums of each part of the rows are added block by block.
      [200, 400, 2],
    ] as const) {
      const x = random(1, [images, channels], 1, mean);
      const dy = random(2, [images, channels], 1, 0.5);
      const bn = new BatchNorm1D<number, true, true>(channels, { channelsLast: true });
      bn.scale.data.set(values(seeded(3), channels, 1, 1));
      bn.bias.data.set(values(seeded(4), channels));
      const layout = { images, channels, plane: 1 };
      const exact = batchNormReference(x.data, dy.data, layout, bn.scale.data, bn.bias.data, 1e-5);
      const y = bn.forwardMut(x.trace());
      const gradients = backward(y.mul(dy).sum(), { keep: [y] });
      y.data.forEach((value, i) => {
        const bias = bn.bias.data[i % channels];
        const scale = Math.max(5 * Math.abs(bn.scale.data[i % channels]), Math.abs(bias));
        expect(Math.abs(value - exact.y[i]), `y[${i}]`).to.be.at.most(1e-6 * scale);
      });
      const dxBound = 4e-6 * largest(exact.dx);
      gradients.get(x)?.data.forEach((value, i) => {
        expect(Math.abs(value - exact.dx[i]), `dx[${i}]`).to.be.at.most(dxBound);
      });
      gradients.get(bn.scale)?.data.forEach((value, c) => {
        expect(Math.abs(value - exact.dscale[c]), `dscale[${c}]`).to.be.at.most(2e-6 * images);
      });
      exact.statistics.forEach((each, c) => {
        const bound = 1e-6 * Math.sqrt(each.variance) + 1.2e-7 * Math.abs(each.mean);
        expect(Math.abs(bn.runningMean.data[c] / 0.1 - each.mean)).to.be.at.most(2 * bound);
      });
    }
  });

  it('computes what the layer for channels in front computes of the permuted images', () => {
    const x = random(5, [4, 6, 5, 3], 2, 1);
    const residual = random(6, [4, 6, 5, 3]);
    const dy = random(7, [4, 6, 5, 3]);
    const bn = trained();
    const twin = twinOf(bn);
    const close = (actual: Images, expected: Images) => {
      const right = expected.permute([0, 2, 3, 1]).data;
      actual.data.forEach((value, i) => expect(value).to.be.closeTo(right[i], 1e-5));
    };
    close(bn.forward(x), twin.forward(toFront(x)));
    close(bn.forwardRelu(x, residual), twin.forwardRelu(toFront(x), toFront(residual)));
    for (const fused of [false, true]) {
      const step = (layer: unknown, input: Images, added: Images, gradient: Images) => {
        const { forwardMut, forwardMutRelu } = layer as { forwardMut: Untyped; forwardMutRelu: Untyped };
        const y = (
          fused
            ? forwardMutRelu.call(layer, input.trace(), added.trace())
            : forwardMut.call(layer, input.trace())
        ) as Tensor<readonly [number, number, number, number], OwnedTape>;
        const gradients = backward(y.mul(gradient).sum(), { keep: [y] });
        return {
          y: y.detach(),
          dx: gradients.get(input),
          dresidual: fused ? gradients.get(added) : undefined,
        };
      };
      const own = step(bn, x, residual, dy);
      const other = step(twin, toFront(x), toFront(residual), toFront(dy));
      // toFront makes new tensors, whose gradients are found by these.
      close(own.y, other.y);
      expect(own.dx?.shape).to.deep.equal(x.shape);
      if (fused) expect(own.dresidual?.shape).to.deep.equal(x.shape);
    }
    bn.runningVar.data.forEach((value, c) => expect(value).to.be.closeTo(twin.runningVar.data[c], 1e-6));
  });

  it('gives the same bits for any number of threads', function () {
    if (backend.info.name === 'portable') this.skip();
    const x = random(8, [8, 40, 40, 7], 1, 2);
    const run = (threads: number) => {
      setNumThreads(threads);
      const bn = new BatchNorm2D(7, { channelsLast: true });
      const y = bn.forwardMutRelu(x.trace());
      const gradients = backward(y.square().sum(), { keep: [y] });
      return [y.data, gradients.get(x)?.data, gradients.get(bn.scale)?.data, bn.runningVar.data];
    };
    const before = backend.info.threads;
    try {
      const one = run(1);
      for (const threads of [2, 3, 5]) expect(run(threads)).to.deep.equal(one);
    } finally {
      setNumThreads(before);
    }
  });

  it('accepts samples and batches of signals, images and volumes', () => {
    const signals = new BatchNorm1D(4, { channelsLast: true });
    expect(signals.forward(random(1, [5, 4])).shape).to.deep.equal([5, 4]);
    expect(signals.forward(random(1, [2, 5, 4])).shape).to.deep.equal([2, 5, 4]);
    const images = new BatchNorm2D(4, { channelsLast: true });
    expect(images.forwardMut(random(1, [3, 5, 4]).trace()).shape).to.deep.equal([3, 5, 4]);
    const volumes = new BatchNorm3D(4, { channelsLast: true });
    expect(volumes.forward(random(1, [2, 3, 5, 4])).shape).to.deep.equal([2, 3, 5, 4]);
    expect(volumes.forwardMut(random(1, [2, 2, 3, 5, 4]).trace()).shape).to.deep.equal([2, 2, 3, 5, 4]);
  });

  it('runs fused in a Sequential, and is cloned, frozen, saved and recalibrated', async () => {
    const bn = trained();
    const x = random(9, [2, 4, 4, 3]);
    const expected = bn.forward(x).add(x).relu().array();
    expect(new Sequential(new Residual(bn), new ReLU()).forward(x).array()).to.deep.equal(expected);
    expect(bn.clone().forward(x).array()).to.deep.equal(bn.forward(x).array());
    const frozen = FrozenBatchNorm2D.from(bn);
    expect(frozen.channelsLast).to.equal(true);
    expect(frozen.forward(x).array()).to.deep.equal(bn.forward(x).array());
    await bn.save(path('last.npz'));
    const copy = new BatchNorm2D(3, { channelsLast: true });
    await copy.load(path('last.npz'));
    expect(copy.forward(x).array()).to.deep.equal(bn.forward(x).array());
    await recalibrate(copy, [x]);
    expect(copy.runningMean.data[1]).to.be.closeTo(
      x.data.filter((_, i) => i % 3 === 1).reduce((sum, value) => sum + value, 0) / 32,
      1e-6,
    );
  });

  it('keeps the option in JSON and printing', () => {
    const bn = trained();
    expect(bn.toJSON()).to.include({ channelsLast: true });
    expect(new BatchNorm2D(3).toJSON()).to.not.have.property('channelsLast');
    expect(inspect(bn)).to.include('channelsLast: true');
    expect(inspect(new Sequential(bn))).to.include('BatchNorm2D(3) { channelsLast: true }');
    for (const layer of [bn, new FrozenBatchNorm2D(2, { channelsLast: true, affine: false })]) {
      const copy = moduleFromJSON(JSON.parse(JSON.stringify(layer)));
      expect(JSON.stringify(copy)).to.equal(JSON.stringify(layer));
    }
    const read = () => BatchNorm2D.fromJSON({ ...bn.toJSON(), channelsLast: 'yes' });
    expectError(read, TypeError, 'a boolean for json.channelsLast', '"yes"');
  });

  it('is not folded into the layer before it', () => {
    const norm = trained();
    const net = Reflect.construct(Sequential, [
      new Sequential(new Conv2D(3, 3, 1), new BatchNorm2D(3)),
      new Conv2D(3, 3, 1),
      norm,
    ]) as Sequential<never>;
    expect((fold(net).layers as readonly unknown[])[2]).to.be.instanceOf(BatchNorm2D);
    const table = new Sequential(new Linear(3, 3), new BatchNorm1D(3, { channelsLast: true }));
    expectError(() => fold(table), RangeError, 'a batch norm directly after', 'none');
  });

  it('names wrong shapes and options', () => {
    const forward = (layer: object, x: unknown) => () => (layer as { forward: Untyped }).forward(x);
    expectError(
      forward(trained(), Tensor.zeros([2, 3, 4, 4])),
      RangeError,
      '3 channels for x',
      '[2, 3, 4, 4]',
    );
    expectError(forward(trained(), Tensor.zeros([4, 3])), RangeError, '[N, H, W, C]', '[4, 3]');
    const signals = new BatchNorm1D(3, { channelsLast: true });
    expectError(forward(signals, Tensor.zeros([3, 5])), RangeError, '3 channels', '[3, 5]');
    expectError(forward(signals, Tensor.zeros([3])), RangeError, '[N, L, C]', '[3]');
    expectError(
      forward(new BatchNorm3D(3, { channelsLast: true }), Tensor.zeros([3, 3, 3])),
      RangeError,
      '[N, D, H, W, C]',
      '[3, 3, 3]',
    );
    const create = (Class: unknown) => () =>
      (Reflect.construct as Untyped)(Class, [3, { channelsLast: 1 }]) as object;
    for (const Class of [BatchNorm1D, BatchNorm2D, FrozenBatchNorm2D]) {
      expectError(create(Class), TypeError, 'a boolean for channelsLast', '1');
    }
    const one = () => new BatchNorm2D(3, { channelsLast: true }).forwardMut(random(1, [1, 1, 1, 3]).trace());
    expectError(one, RangeError, 'at least two values per channel', '[1, 1, 1, 3]');
  });
});
