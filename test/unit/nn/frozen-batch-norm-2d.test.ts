import { backward, BatchNorm2D, FrozenBatchNorm2D, Sgd, Tensor, UnusedParamsError } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const x = Tensor.from(values(seeded(1), 3 * 2 * 4, 1, 2), [3, 2, 2, 2]);

function pretrained(): BatchNorm2D<2> {
  const bn = new BatchNorm2D(2, { epsilon: 1e-3 });
  bn.scale.data.set([1.5, -0.5]);
  bn.bias.data.set([0.25, 2]);
  bn.runningMean.data.set([1, -3]);
  bn.runningVar.data.set([4, 0.25]);
  return bn;
}

describe('FrozenBatchNorm2D', () => {
  it('normalizes as in inference, with or without a tape', () => {
    const bn = pretrained();
    const frozen = FrozenBatchNorm2D.from(bn);
    const expected = bn.forward(x).array();
    expect(frozen.forward(x).array()).to.deep.equal(expected);
    expect(frozen.forward(x.trace()).array()).to.deep.equal(expected);
    expect(frozen.epsilon).to.equal(1e-3);
  });

  it('never changes its statistics', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained(), { trainable: true });
    backward(frozen.forward(x.trace()).square().mean());
    expect(frozen.runningMean.array()).to.deep.equal([1, -3]);
    expect(frozen.runningVar.array()).to.deep.equal([4, 0.25]);
  });

  it('gives x the gradient dy * scale / sqrt(runningVar + epsilon)', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained());
    const gradients = backward(frozen.forward(x.trace()).sum());
    const slopes = [1.5 / Math.sqrt(4 + 1e-3), -0.5 / Math.sqrt(0.25 + 1e-3)];
    const dx = gradients.get(x)?.data ?? [];
    expectNear(
      dx,
      Array.from(x.data, (_, i) => slopes[(i >> 2) % 2]),
      1e-6,
    );
    expect(gradients.get(frozen.scale)).to.equal(undefined);
  });

  it('has gradients that match finite differences', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained(), { trainable: true });
    const weights = Tensor.from(values(seeded(2), 24), [3, 2, 2, 2]);
    checkGradients(
      ([a]) =>
        frozen
          .forward(a.reshape([3, 2, 2, 2]))
          .square()
          .mul(weights)
          .sum(),
      [x],
      2e-2,
    );
    const y = () => frozen.forward(x.trace()).square().mul(weights).sum();
    const gradients = backward(y());
    for (const parameter of [frozen.scale, frozen.bias]) {
      const gradient = gradients.get(parameter)?.array() ?? [];
      for (const i of [0, 1]) {
        const before = parameter.data[i];
        const at = (value: number) => {
          parameter.data[i] = value;
          return y().item();
        };
        const difference = (at(before + 0.01) - at(before - 0.01)) / 0.02;
        parameter.data[i] = before;
        expect(gradient[i]).to.be.closeTo(difference, 2e-3 * Math.max(1, Math.abs(difference)));
      }
    }
  });

  it('is updated if trainable', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained(), { trainable: true });
    new Sgd({ lr: 0.1 }).update(frozen, backward(frozen.forward(x.trace()).sum()));
    expectNear(frozen.bias.data, [0.25 - 0.1 * 12, 2 - 0.1 * 12], 1e-6);
  });

  it('is not updated otherwise, while the rest of a network is', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained());
    const gradients = backward(frozen.forward(x.trace()).sum());
    new Sgd({ lr: 0.1 }).update(frozen, gradients);
    expect(frozen.scale.array()).to.deep.equal([1.5, -0.5]);
    const trainable = FrozenBatchNorm2D.from(pretrained(), { trainable: true });
    const others = backward(x.trace().sum());
    expectError(() => new Sgd().update(trainable, others), UnusedParamsError, 'scale, bias');
  });

  it('is a copy of the batch norm, and so is its clone', () => {
    const bn = pretrained();
    const frozen = FrozenBatchNorm2D.from(bn, { trainable: true });
    bn.scale.data.fill(9);
    expect(frozen.scale.array()).to.deep.equal([1.5, -0.5]);
    const copy = frozen.clone();
    expect(copy.trainable).to.equal(true);
    expect(copy.scale.id).to.not.equal(frozen.scale.id);
    copy.resetParams();
    expect(copy.scale.array()).to.deep.equal([1.5, -0.5]);
  });

  it('accepts CHW', () => {
    const image = Tensor.from(x.data.slice(0, 8), [2, 2, 2]);
    expect(FrozenBatchNorm2D.from(pretrained()).forward(image).shape).to.deep.equal([2, 2, 2]);
  });

  it('trains on an image of one pixel, which has no variance', () => {
    const pixel = Tensor.from([1, 2], [1, 2, 1, 1]);
    const loss = FrozenBatchNorm2D.from(pretrained()).forward(pixel.trace()).sum();
    expect(backward(loss).get(pixel)?.shape).to.deep.equal([1, 2, 1, 1]);
  });

  const path = temporaryDirectory();

  it('loads files of BatchNorm2D and vice versa', async () => {
    const bn = pretrained();
    await bn.save(path('bn.npz'));
    const frozen = new FrozenBatchNorm2D(2);
    await frozen.load(path('bn.npz'));
    expect(frozen.forward(x).array()).to.deep.equal(bn.forward(x).array());
    await frozen.save(path('frozen.npz'));
    const again = new BatchNorm2D(2);
    await again.load(path('frozen.npz'));
    expect(again.forward(x).array()).to.deep.equal(bn.forward(x).array());
  });

  it('is named if one of its parameters changed after the graph saved it', () => {
    const frozen = FrozenBatchNorm2D.from(pretrained(), { trainable: true });
    const loss = frozen.forward(x.trace()).sum();
    new Sgd().update(frozen, backward(frozen.forward(x.trace()).sum()));
    expectError(() => backward(loss), Error, 'scale of FrozenBatchNorm2D');
  });

  it('refuses invalid arguments', () => {
    const construct = (...args: unknown[]) => Reflect.construct(FrozenBatchNorm2D, args) as object;
    expectError(() => construct(0), RangeError, 'for channels', '0');
    expectError(() => construct(2, { momentum: 0.1 }), TypeError, 'epsilon, trainable', '"momentum"');
    expectError(() => construct(2, { trainable: 'yes' }), TypeError, 'for trainable', '"yes"');
    const frozen = new FrozenBatchNorm2D(2);
    const forward = frozen.forward.bind(frozen) as Untyped;
    expectError(() => forward(Tensor.zeros([3, 2, 2])), RangeError, '2 channels', '3');
    expectError(() => forward(Tensor.zeros([1, 2, 2])), RangeError, '2 channels', '1');
    expectError(() => forward('x'), TypeError, 'a Tensor for x');
  });
});
