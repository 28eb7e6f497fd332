import { backward, BatchNorm2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { batchNormReference } from '../../support/float64.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const make = (...args: unknown[]) => Reflect.construct(BatchNorm2D, args) as unknown as BatchNorm2D<number>;

describe('BatchNorm2D', () => {
  it("has dfdx's initial values", () => {
    const bn = new BatchNorm2D(2);
    expect(bn.scale.array()).to.deep.equal([1, 1]);
    expect(bn.bias.array()).to.deep.equal([0, 0]);
    expect(bn.runningMean.array()).to.deep.equal([0, 0]);
    expect(bn.runningVar.array()).to.deep.equal([1, 1]);
    expect(bn.epsilon).to.equal(1e-5);
    expect(bn.momentum).to.equal(0.1);
  });

  it('normalizes NCHW by batch statistics in training', () => {
    const bn = new BatchNorm2D(3);
    const x = Tensor.from(values(seeded(1), 4 * 3 * 25, 2, 5), [4, 3, 5, 5]);
    const y = bn.forwardMut(x.trace());
    const layout = { images: 4, channels: 3, plane: 25 };
    const reference = batchNormReference(x.data, x.data, layout, [1, 1, 1], [0, 0, 0], 1e-5);
    expectNear(y.data, reference.y, 2e-6);
    const means = reference.statistics.map(({ mean }) => 0.1 * mean);
    expectNear(bn.runningMean.data, means, 1e-6);
    const variances = reference.statistics.map(({ variance }) => 0.9 + (0.1 * variance * 100) / 99);
    expectNear(bn.runningVar.data, variances, 1e-6);
  });

  it('treats CHW as a batch of one in training', () => {
    const x = values(seeded(2), 3 * 16);
    const chw = new BatchNorm2D(3);
    const nchw = new BatchNorm2D(3);
    const y = chw.forwardMut(Tensor.from(x, [3, 4, 4]).trace());
    expect(y.shape).to.deep.equal([3, 4, 4]);
    expect(y.data).to.deep.equal(nchw.forwardMut(Tensor.from(x, [1, 3, 4, 4]).trace()).data);
    expect(chw.runningVar.data).to.deep.equal(nchw.runningVar.data);
  });

  it('infers with the running statistics without changing them', () => {
    const bn = new BatchNorm2D(2);
    bn.runningMean.data.set([1, -1]);
    bn.runningVar.data.set([4, 0.25]);
    bn.scale.data.set([2, 3]);
    bn.bias.data.set([0.5, -0.5]);
    const y = bn.forward(Tensor.from([1, 3, -1, 0], [2, 1, 2]));
    const std = [Math.sqrt(4 + 1e-5), Math.sqrt(0.25 + 1e-5)];
    const expected = [0.5, (2 / std[0]) * 2 + 0.5, -0.5, (1 / std[1]) * 3 - 0.5];
    expectNear(y.data, expected, 1e-6);
    expect(bn.runningMean.array()).to.deep.equal([1, -1]);
    expect(bn.runningVar.array()).to.deep.equal([4, 0.25]);
    expect(bn.scale.array()).to.deep.equal([2, 3]);
    expect(bn.bias.array()).to.deep.equal([0.5, -0.5]);
    expect(bn.toJSON().batches).to.equal(0);
  });

  it('returns an empty result for an empty batch in inference', () => {
    expect(new BatchNorm2D(3).forward(Tensor.zeros([0, 3, 2, 2])).array()).to.deep.equal([]);
  });

  it('computes the gradients of x, scale and bias', () => {
    const bn = new BatchNorm2D(2);
    const weights = Tensor.from(values(seeded(3), 36), [3, 2, 2, 3]);
    const x = Tensor.from(values(seeded(4), 36), [3, 2, 2, 3]);
    const gradients = backward(bn.forwardMut(x.trace()).mul(weights).sum());
    const layout = { images: 3, channels: 2, plane: 6 };
    const reference = batchNormReference(x.data, weights.data, layout, [1, 1], [0, 0], 1e-5);
    expectNear(gradients.get(x)?.data ?? [], reference.dx, 1e-5);
    expectNear(gradients.get(bn.scale)?.data ?? [], reference.dscale, 1e-5);
    expectNear(gradients.get(bn.bias)?.data ?? [], reference.dbias, 1e-5);
  });

  it('has gradients that match finite differences', () => {
    const bn = new BatchNorm2D(2);
    bn.scale.data.set([1.5, -0.5]);
    const x = Tensor.from(values(seeded(5), 24), [2, 2, 2, 3]);
    const weights = Tensor.from(values(seeded(6), 24), [2, 2, 2, 3]);
    checkGradients(
      ([a]) =>
        bn
          .forwardMut(a.reshape([2, 2, 2, 3]))
          .square()
          .mul(weights)
          .sum(),
      [x],
      5e-3,
    );
  });

  it('averages all batches with cumulative momentum', () => {
    const bn = new BatchNorm2D(1, { momentum: 'cumulative' });
    for (const mean of [1, 2, 6]) {
      bn.forwardMut(Tensor.from([mean - 1, mean + 1], [2, 1, 1, 1]).trace());
    }
    expect(bn.runningMean.item()).to.be.closeTo(3, 1e-6);
    expect(bn.runningVar.item()).to.be.closeTo(2, 1e-6);
  });

  it('keeps the statistics with momentum 0 and replaces them with 1', () => {
    const x = Tensor.from([4, 6], [2, 1, 1, 1]);
    const keeping = new BatchNorm2D(1, { momentum: 0 });
    keeping.forwardMut(x.trace());
    expect(keeping.runningMean.item()).to.equal(0);
    const replacing = new BatchNorm2D(1, { momentum: 1 });
    replacing.forwardMut(x.trace());
    expect(replacing.runningMean.item()).to.equal(5);
    expect(replacing.runningVar.item()).to.equal(2);
  });

  it('lists its tensors by name in the order of .npz files', () => {
    const bn = new BatchNorm2D(2);
    expect(bn.parameters()).to.deep.equal([
      ['scale', bn.scale],
      ['bias', bn.bias],
      ['runningMean', bn.runningMean],
      ['runningVar', bn.runningVar],
    ]);
  });

  describe('refuses and changes nothing:', () => {
    const bn = new BatchNorm2D(3);
    const forward = bn.forward.bind(bn) as Untyped;
    const forwardMut = bn.forwardMut.bind(bn) as Untyped;
    const x = Tensor.ones([2, 3, 2, 2]);

    afterEach(() => {
      expect(bn.runningMean.array()).to.deep.equal([0, 0, 0]);
      expect(bn.runningVar.array()).to.deep.equal([1, 1, 1]);
    });

    it('a taped tensor in forward', () => {
      expectError(() => forward(x.trace()), TypeError, 'without a tape for forward', 'forwardMut');
    });
    it('an untaped tensor in forwardMut', () => {
      expectError(() => forwardMut(x), TypeError, 'with a tape for forwardMut', 'x.trace()');
    });
    it('a different number of channels', () => {
      const wrong = Tensor.zeros([4, 5, 2, 2]);
      expectError(() => forward(wrong), RangeError, '3 channels for x', '5', '[4, 5, 2, 2]');
      expectError(() => forwardMut(wrong.trace()), RangeError, '3 channels', '[4, 5, 2, 2]');
      const fewer = Tensor.zeros([4, 2, 2, 2]);
      expectError(() => forward(fewer), RangeError, '3 channels for x', '[4, 2, 2, 2]');
      expectError(() => forwardMut(fewer.trace()), RangeError, '3 channels', '[4, 2, 2, 2]');
    });
    it('a wrong rank', () => {
      expectError(() => forward(Tensor.zeros([2, 3])), RangeError, '3D', '4D', '[2, 3]');
    });
    it('an input that is not a tensor', () => {
      expectError(() => forward([1, 2, 3]), TypeError, 'a Tensor for x', 'Array');
      expectError(() => forwardMut(undefined), TypeError, 'a Tensor for x', 'undefined');
      expectError(() => forward({ shape: [3, 1, 1] }), TypeError, 'a Tensor for x', 'Object');
    });
    it('one value per channel in training', () => {
      const one = Tensor.zeros([1, 3, 1, 1]).trace();
      expectError(() => forwardMut(one), RangeError, 'two values per channel', '[1, 3, 1, 1]');
    });
    it('an empty batch in training', () => {
      const none = Tensor.zeros([0, 3, 2, 2]).trace();
      expectError(() => forwardMut(none), RangeError, 'an empty batch', '[0, 3, 2, 2]');
    });
    it('a tensor whose graph was consumed', () => {
      const traced = x.trace().mul(1);
      backward(traced.sum());
      expectError(() => forwardMut(traced), TypeError, 'backward() has consumed');
    });
    it('a disposed tensor', () => {
      const gone = Tensor.ones([2, 3, 2, 2]);
      gone.dispose();
      expectError(() => forward(gone), TypeError, 'disposed');
    });
  });

  describe('constructor and fields refuse', () => {
    it('an invalid number of channels', () => {
      for (const bad of [0, -1, 1.5, NaN, Infinity]) {
        expectError(() => make(bad), RangeError, 'a positive integer for channels', String(bad));
      }
      expectError(() => make('3'), TypeError, 'positive integer for channels', '"3" of type string');
      expectError(() => make(), TypeError, 'for channels', 'undefined');
    });
    it('unknown options', () => {
      expectError(() => make(3, { eps: 1 }), TypeError, 'epsilon, momentum', '"eps"');
      expectError(() => make(3, 1e-5), TypeError, 'an object for options');
    });
    it('an invalid epsilon or momentum, and keep the old value', () => {
      const bn = new BatchNorm2D(1);
      expectError(() => (bn.epsilon = 0), RangeError, 'for epsilon', '0');
      expectError(() => (bn.epsilon = '1' as never), TypeError, 'for epsilon', '"1"');
      expectError(() => (bn.momentum = 1.5), RangeError, '0 to 1 for momentum', '1.5');
      expectError(() => (bn.momentum = 'x' as never), TypeError, '"x" of type string');
      expect(bn.epsilon).to.equal(1e-5);
      expect(bn.momentum).to.equal(0.1);
    });
  });
});
