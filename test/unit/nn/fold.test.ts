import {
  BatchNorm1D,
  BatchNorm2D,
  Conv1D,
  Conv2D,
  Flatten2D,
  fold,
  FrozenBatchNorm1D,
  FrozenBatchNorm2D,
  GeneralizedResidual,
  Linear,
  ReLU,
  Residual,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded, values } from '../../support/random.js';

const rng = seeded(1);

/** As after training: different statistics, scales and biases for each channel. */
function trained<B extends BatchNorm1D<number> | BatchNorm2D<number>>(bn: B): B {
  const n = bn.scale.shape[0];
  bn.scale.data.set(values(rng, n, 1, 0.5));
  bn.bias.data.set(values(rng, n));
  bn.runningMean.data.set(values(rng, n, 3));
  bn.runningVar.data.set(values(rng, n, 0.9, 1));
  return bn;
}

/** The two layers in double precision, and for each value the sum of the magnitudes of its terms. */
function reference(
  x: Float32Array,
  [images, inChannels, height, width]: readonly [number, number, number, number],
  conv: Conv2D<number, number, number, number, number>,
  bn: BatchNorm2D<number>,
): { y: number[]; sizes: number[] } {
  const [outChannels, , kernel] = conv.weight.shape;
  const { stride, padding } = conv;
  const rows = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const weight = conv.weight.clone().data;
  const bias = conv.bias?.clone().data;
  const y: number[] = [];
  const sizes: number[] = [];
  for (let n = 0; n < images; n++) {
    for (let o = 0; o < outChannels; o++) {
      const factor = bn.scale.data[o] / Math.sqrt(bn.runningVar.data[o] + bn.epsilon);
      const mean = bn.runningMean.data[o];
      for (let place = 0; place < rows * columns; place++) {
        let sum = bias?.[o] ?? 0;
        let size = Math.abs(sum) + Math.abs(mean);
        for (let i = 0; i < inChannels; i++) {
          for (let s = 0; s < kernel; s++) {
            for (let t = 0; t < kernel; t++) {
              const r = Math.floor(place / columns) * stride - padding + s;
              const c = (place % columns) * stride - padding + t;
              if (r < 0 || r >= height || c < 0 || c >= width) continue;
              const product =
                x[((n * inChannels + i) * height + r) * width + c] *
                weight[((o * inChannels + i) * kernel + s) * kernel + t];
              sum += product;
              size += Math.abs(product);
            }
          }
        }
        y.push((sum - mean) * factor + bn.bias.data[o]);
        sizes.push(size * Math.abs(factor) + Math.abs(bn.bias.data[o]));
      }
    }
  }
  return { y, sizes };
}

const largest = (x: ArrayLike<number>): number =>
  Array.from(x).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe('fold', () => {
  it('returns one convolution, accurate to 1e-6 of the summed magnitudes', () => {
    for (const [kernel, stride, padding, bias] of [
      [3, 1, 1, false],
      [1, 1, 0, true],
      [3, 2, 1, true],
      [5, 2, 2, false],
    ] as const) {
      const conv = new Conv2D<number, number, number, number, number>(5, 7, kernel, {
        stride,
        padding,
        bias,
        rng,
      });
      const bn = trained(new BatchNorm2D<number>(7, { epsilon: 1e-3 }));
      const shape = [2, 5, 9, 6] as const;
      const x = values(rng, 2 * 5 * 9 * 6, 2);
      const net = new Sequential(conv, bn);
      const folded = fold(net);
      expect(folded.layers).to.have.length(1);
      expect(folded.layers[0]).to.be.instanceOf(Conv2D);
      expect(folded.parameters().map(([name]) => name)).to.deep.equal(['0.weight', '0.bias']);
      const { y, sizes } = reference(x, shape, conv, bn);
      for (const each of [folded, net]) {
        const found = each.forward(Tensor.from(x, shape) as never) as Tensor<readonly number[]>;
        expect(found.data).to.have.length(y.length);
        found.data.forEach((value, i) => {
          expect(Math.abs(value - y[i]), `value ${i}, kernel ${kernel}`).to.be.at.most(1e-6 * sizes[i]);
        });
      }
    }
  });

  it('folds BatchNorm1D into a Conv1D before it', () => {
    const conv = new Conv1D(4, 6, 3, {
      stride: 2,
      padding: [2, 0],
      dilation: 2,
      groups: 2,
      bias: false,
      rng,
    });
    const net = new Sequential(conv, trained(new BatchNorm1D(6)), new ReLU());
    const folded = fold(net);
    expect(folded.layers).to.have.length(2);
    expect(folded.layers[0]).to.be.instanceOf(Conv1D);
    expect(folded.layers[0].bias).to.not.equal(undefined);
    const x = Tensor.from(values(rng, 3 * 4 * 21), [3, 4, 21]);
    expectNear(folded.forward(x).data, net.forward(x).data, 1e-5);
    const wrong = new Sequential(conv, new BatchNorm1D(5));
    expectError(() => fold(wrong), RangeError, '6 channels, as many as the Conv1D before it has', '5');
  });

  it('keeps the axes, dilation and groups of a convolution', () => {
    const options = { stride: [2, 1], padding: [0, 1, 1, 2], dilation: [1, 2], groups: 3, rng } as const;
    const net = new Sequential(new Conv2D(6, 9, [3, 2], options), trained(new BatchNorm2D(9)));
    const folded = fold(net);
    const { stride, padding, dilation, groups } = folded.layers[0];
    expect([stride, padding, dilation, groups]).to.deep.equal([[2, 1], [0, 1, 1, 2], [1, 2], 3]);
    const x = Tensor.from(values(rng, 2 * 6 * 9 * 7), [2, 6, 9, 7]);
    expectNear(folded.forward(x).data, net.forward(x).data, 1e-5);
  });

  it('computes each weight in double precision and rounds it once', () => {
    const conv = new Conv2D(1, 1, 1, { rng });
    conv.weight.data.set([3]);
    conv.bias?.data.set([1e4]);
    const bn = new BatchNorm2D(1, { epsilon: 1e-5 });
    bn.scale.data.set([1.1]);
    bn.bias.data.set([0.7]);
    bn.runningMean.data.set([1e4 - 1]);
    bn.runningVar.data.set([0.3]);
    const [folded] = fold(new Sequential(conv, bn)).layers;
    const factor = Math.fround(1.1) / Math.sqrt(Math.fround(0.3) + 1e-5);
    expect(folded.weight.data[0]).to.equal(Math.fround(3 * factor));
    expect(folded.bias?.data[0]).to.equal(Math.fround(factor + Math.fround(0.7)));
  });

  it('returns one Linear, accurate to 1e-6 of the summed magnitudes', () => {
    for (const [bias, affine, frozen] of [
      [true, true, false],
      [false, true, true],
      [true, false, false],
    ] as const) {
      const linear = new Linear<number, number, boolean>(9, 5, { bias, rng });
      const given = trained(new BatchNorm1D<number>(5, { epsilon: 1e-3 }));
      const plain = new BatchNorm1D<number, boolean>(5, { epsilon: 1e-3, affine: false });
      plain.runningMean.data.set(given.runningMean.data);
      plain.runningVar.data.set(given.runningVar.data);
      const bn = affine ? given : plain;
      const net = new Sequential(linear, frozen ? FrozenBatchNorm1D.from(bn) : bn);
      const x = Tensor.from(values(rng, 4 * 9, 2), [4, 9]);
      const folded = fold(net as Sequential<readonly [typeof linear, typeof bn]>);
      expect(folded.layers).to.have.length(1);
      expect(folded.layers[0]).to.be.instanceOf(Linear);
      expect(folded.parameters().map(([name]) => name)).to.deep.equal(['0.weight', '0.bias']);
      const found = folded.forward(x);
      expect(found.shape).to.deep.equal([4, 5]);
      found.data.forEach((value, i) => {
        const row = Math.floor(i / 5);
        const o = i % 5;
        const products = Array.from(
          { length: 9 },
          (_, j) => x.data[row * 9 + j] * linear.weight.data[o * 9 + j],
        );
        const terms = [...products, linear.bias?.data[o] ?? 0, -bn.runningMean.data[o]];
        const factor = (bn.scale?.data[o] ?? 1) / Math.sqrt(bn.runningVar.data[o] + 1e-3);
        const shift = bn.bias?.data[o] ?? 0;
        const y = terms.reduce((sum, term) => sum + term, 0) * factor + shift;
        const size = terms.reduce((sum, term) => sum + Math.abs(term * factor), Math.abs(shift));
        expect(Math.abs(value - y), `value ${i}`).to.be.at.most(1e-6 * size);
      });
    }
  });

  it('folds the layers of an MLP, and a shared pair once', () => {
    const pair = [new Linear(4, 4, { rng }), trained(new BatchNorm1D(4))] as const;
    const net = new Sequential(...pair, new ReLU(), ...pair, new Linear(4, 2, { rng }));
    const folded = fold(net);
    expect(folded.layers.map((layer) => layer.constructor.name)).to.deep.equal([
      ...['Linear', 'ReLU', 'Linear', 'Linear'],
    ]);
    expect(folded.layers[0]).to.equal(folded.layers[2]);
    const x = Tensor.from(values(rng, 3 * 4), [3, 4]);
    const expected = net.forward(x).data;
    folded.forward(x).data.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).to.be.at.most(1e-5 * largest(expected));
    });
  });

  it('folds pairs in nested compositions, and leaves the network and the other layers unchanged', () => {
    const conv = <I extends number, O extends number>(i: I, o: O) =>
      new Conv2D(i, o, 3, { padding: 1, bias: false, rng });
    const net = new Sequential(
      conv(3, 4),
      trained(new BatchNorm2D(4)),
      new ReLU(),
      new Residual(
        new Sequential(
          conv(4, 4),
          trained(new BatchNorm2D(4)),
          new ReLU(),
          conv(4, 4),
          FrozenBatchNorm2D.from(trained(new BatchNorm2D(4))),
        ),
      ),
      new ReLU(),
      new GeneralizedResidual(
        new Sequential(conv(4, 6), trained(new BatchNorm2D(6))),
        new Sequential(new Conv2D(4, 6, 1, { rng }), trained(new BatchNorm2D(6))),
      ),
      new ReLU(),
      trained(new BatchNorm2D(6)),
      new Flatten2D(),
      new Linear(6 * 25, 2, { rng }),
    );
    const x = Tensor.from(values(rng, 2 * 3 * 25), [2, 3, 5, 5]);
    const before = net.parameters().map(([, tensor]) => [...tensor.clone().data]);
    const expected = net.forward(x).data;
    const folded = fold(net);
    const found = folded.forward(x as never) as Tensor<readonly number[]>;
    found.data.forEach((value, i) => {
      expect(Math.abs(value - expected[i])).to.be.at.most(1e-5 * largest(expected));
    });
    const names = folded.parameters().map(([name]) => name);
    expect(names.filter((name) => name.endsWith('runningMean'))).to.deep.equal(['6.runningMean']);
    expect(names.filter((name) => name.endsWith('weight'))).to.have.length(6);
    // Nothing is shared: changing one does not affect the other.
    const ids = new Set(net.parameters().map(([, tensor]) => tensor.id));
    for (const [name, tensor] of folded.parameters()) expect(ids.has(tensor.id), name).to.equal(false);
    expect(net.parameters().map(([, tensor]) => [...tensor.clone().data])).to.deep.equal(before);
  });

  it('leaves layers with an overridden forward alone', () => {
    class Passing extends BatchNorm2D<4> {
      override forward(y: never): never {
        return y;
      }
    }
    const net = (bn: BatchNorm2D<4>) =>
      Reflect.construct(Sequential, [
        new Sequential(new Conv2D(3, 4, 1, { rng }), new BatchNorm2D(4)),
        new Sequential(new Conv2D(4, 4, 1, { rng }), bn),
      ]) as Sequential<never>;
    const folded = fold(net(new Passing(4)));
    expect(folded.parameters().map(([name]) => name)).to.include('1.1.scale');
    const [, last] = folded.layers as readonly Sequential<readonly [Conv2D<4, 4, 1>, Passing]>[];
    expect(last.layers[1]).to.be.instanceOf(Passing);
    const y = Tensor.ones([1, 4, 1, 1]);
    expect(last.layers[1].forward(y as never)).to.equal(y);
    // One that was replaced in the object itself cannot be copied with it.
    const patched = new BatchNorm2D(4);
    patched.forward = (x: never) => x;
    expectError(() => fold(net(patched)), TypeError, 'clone() in BatchNorm2D', 'forward() was replaced');
  });

  describe('refuses', () => {
    const call = fold as unknown as Untyped;

    it('anything but a Sequential, and a Sequential without a pair', () => {
      expectError(() => call(new ReLU()), TypeError, 'a Sequential for net', 'ReLU');
      expectError(() => call(undefined), TypeError, 'a Sequential for net');
      const apart = new Sequential(new Conv2D(3, 4, 1), new ReLU(), new BatchNorm2D(4));
      const turned = new Sequential(new BatchNorm2D(3), new Conv2D(3, 4, 1));
      const signals = Reflect.construct(Sequential, [new Linear(3, 4), new BatchNorm2D(4)]) as object;
      for (const net of [apart, turned, signals, new Sequential(new ReLU())]) {
        expectError(
          () => call(net),
          RangeError,
          'a batch norm directly after a Conv1D, Conv2D or Linear',
          'none',
        );
      }
    });

    it('tensors whose buffers were transferred', () => {
      for (const [index, field] of [
        [0, 'weight'],
        [0, 'bias'],
        [1, 'scale'],
        [1, 'runningVar'],
      ] as const) {
        const net = new Sequential(new Linear(3, 4), new BatchNorm1D(4));
        const layer = net.layers[index] as unknown as Record<string, Tensor<readonly number[]>>;
        structuredClone(null, { transfer: [layer[field].data.buffer as ArrayBuffer] });
        expectError(() => call(net), TypeError, `net.layers[${index}].${field}`);
      }
    });

    it('mismatched channels, and a module that cannot be cloned', () => {
      const net = Reflect.construct(Sequential, [
        new ReLU(),
        Reflect.construct(Sequential, [new Conv2D(3, 4, 1), new BatchNorm2D(5)]),
      ]) as object;
      expectError(() => call(net), RangeError, 'net.layers[1].layers[1]', '4 channels', '5');
      const table = Reflect.construct(Sequential, [new Linear(3, 4), new BatchNorm1D(5)]) as object;
      expectError(() => call(table), RangeError, 'net.layers[1]', '4 channels', 'Linear', '5');
      const own = { forward: (y: unknown) => y };
      const withOwn = Reflect.construct(Sequential, [new Conv2D(3, 4, 1), new BatchNorm2D(4), own]) as object;
      expectError(() => call(withOwn), TypeError, 'clone() in net.layers[2]');
    });
  });
});
