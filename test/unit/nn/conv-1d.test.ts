import {
  Adam,
  backward,
  BatchNorm1D,
  Conv1D,
  Conv2D,
  loadSafetensors,
  ReLU,
  saveSafetensors,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('Conv1D', () => {
  const file = temporaryDirectory();

  it('convolves signals, with or without a tape', () => {
    const layer = new Conv1D(1, 2, 2);
    layer.weight.data.set([1, 10, 0, 1]);
    layer.bias?.data.set([0.5, -1]);
    const signal = Tensor.from([1, 2, 3, 4], [1, 4]);
    const expected = [
      [21.5, 32.5, 43.5],
      [1, 2, 3],
    ];
    expect(layer.forward(signal).array()).to.deep.equal(expected);
    expect(layer.forward(signal.trace()).array()).to.deep.equal(expected);
    const batch = Tensor.from([...signal.data, ...signal.data], [2, 1, 4]);
    expect(layer.forward(batch).array()).to.deep.equal([expected, expected]);
  });

  it('supports strides, dilation and padding on one side', () => {
    const layer = new Conv1D(1, 1, 2, { stride: 2, dilation: 2, padding: [2, 0], bias: false });
    layer.weight.data.set([1, 10]);
    expect(layer.forward(Tensor.from([1, 2, 3, 4], [1, 4])).array()).to.deep.equal([[10, 31]]);
  });

  it("keeps the length with padding: 'same', with the larger half at the end", () => {
    const layer = new Conv1D(1, 1, 4, { padding: 'same', bias: false });
    layer.weight.data.set([1, 10, 100, 1000]);
    expect(layer.forward(Tensor.from([1, 2, 3], [1, 3])).array()).to.deep.equal([[3210, 321, 32]]);
  });

  it('is bit-identical to a Conv2D with one row', () => {
    const layer = new Conv1D(6, 9, 5, { stride: 2, padding: 3, groups: 3, rng: seeded(2) });
    const options = { stride: [1, 2], padding: [0, 3], groups: 3 } as const;
    const images = new Conv2D(6, 9, [1, 5], options);
    images.weight.data.set(layer.weight.data);
    images.bias?.data.set(layer.bias?.data ?? []);
    const x = values(seeded(3), 2 * 6 * 33);
    const y = layer.forward(Tensor.from(x, [2, 6, 33]));
    expect(y.shape).to.deep.equal([2, 9, 18]);
    expect(y.data).to.deep.equal(images.forward(Tensor.from(x, [2, 6, 1, 33])).data);
  });

  for (const groups of [1, 2]) {
    it(`has gradients that match finite differences, ${groups} groups`, () => {
      const layer = new Conv1D(2, 4, 3, { stride: 2, padding: [0, 3], dilation: 2, groups, rng: seeded(5) });
      const x = Tensor.from(values(seeded(1), 2 * 2 * 9), [2, 2, 9]);
      checkGradients(
        ([a]) =>
          layer
            .forward(a.reshape([2, 2, 9]))
            .square()
            .mean(),
        [x],
        2e-3,
      );
    });
  }

  it('trains with BatchNorm1D', () => {
    const net = new Sequential(
      new Conv1D(1, 4, 5, { padding: 'same', bias: false, rng: seeded(7) }),
      new BatchNorm1D(4),
      new ReLU(),
      new Conv1D(4, 1, 5, { padding: 'same', rng: seeded(8) }),
    );
    const x = Tensor.from(values(seeded(9), 8 * 20), [8, 1, 20]);
    const loss = () => net.forwardMut(x.trace()).sub(x).square().mean();
    const before = loss().item();
    const adam = new Adam({ lr: 0.02 });
    for (let i = 0; i < 40; i++) adam.update(net, backward(loss()));
    expect(loss().item()).to.be.lessThan(0.3 * before);
  });

  it('is saved and loaded as .npz and safetensors', async () => {
    const layer = new Conv1D(4, 6, 3, { groups: 2, rng: seeded(1) });
    const npz = new Conv1D(4, 6, 3, { groups: 2 });
    await layer.save(file('conv.npz'));
    await npz.load(file('conv.npz'));
    const safetensors = new Conv1D(4, 6, 3, { groups: 2 });
    await saveSafetensors(file('conv.safetensors'), layer);
    await loadSafetensors(file('conv.safetensors'), safetensors);
    for (const copy of [npz, safetensors]) {
      expectNear(copy.weight.data, layer.weight.data, 0);
      expect(copy.bias?.array()).to.deep.equal(layer.bias?.array());
    }
    expect(layer.parameters().map(([name]) => name)).to.deep.equal(['weight', 'bias']);
  });

  it('prints its settings', () => {
    const layer = new Conv1D(4, 4, 3, { padding: [2, 0], groups: 4, bias: false });
    expect(String(layer)).to.include('Conv1D(4, 4, 3) {\n  stride: 1, padding: [2, 0], groups: 4\n');
  });

  it('refuses wrong shapes and arguments', () => {
    const layer = new Conv1D(2, 3, 3, { dilation: 2 });
    const forward = layer.forward.bind(layer) as Untyped;
    expectError(() => forward(Tensor.zeros([3, 5])), RangeError, '[2, L]', '[3, 5]');
    expectError(() => forward(Tensor.zeros([2])), RangeError, '[N, 2, L]', '[2]');
    const short = ['a length of at least 5 for a kernel of 3 with a dilation of 2', '[2, 4]'] as const;
    expectError(() => forward(Tensor.zeros([2, 4])), RangeError, ...short);
    const make = (...args: unknown[]) => Reflect.construct(Conv1D, args) as object;
    expectError(() => make(2, 3, [3]), TypeError, 'for kernelSize', 'Array of length 1');
    expectError(() => make(2, 3, 3, { stride: [1] }), TypeError, 'for stride', 'Array of length 1');
    expectError(() => make(2, 3, 3, { padding: [1] }), TypeError, '[left, right]', 'Array of length 1');
    expectError(() => make(2, 3, 3, { padding: 'same', stride: 2 }), RangeError, 'for stride', '2');
    expectError(() => make(2, 3, 3, { groups: 2 }), RangeError, 'a divisor of outChannels, 3, for groups');
  });
});
