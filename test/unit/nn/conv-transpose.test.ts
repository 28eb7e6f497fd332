import {
  backward,
  Conv2D,
  ConvTranspose1D,
  ConvTranspose2D,
  loadSafetensors,
  saveSafetensors,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('ConvTranspose2D', () => {
  const file = temporaryDirectory();

  it('adds a multiple of the kernel for each pixel, and the bias to all', () => {
    const layer = new ConvTranspose2D(1, 1, 2, { stride: [1, 2] });
    layer.weight.data.set([1, 2, 3, 4]);
    layer.bias?.data.set([0.5]);
    const image = Tensor.from([1, 10, 100, 1000], [1, 2, 2]);
    const expected = [
      [
        [1.5, 2.5, 10.5, 20.5],
        [103.5, 204.5, 1030.5, 2040.5],
        [300.5, 400.5, 3000.5, 4000.5],
      ],
    ];
    expect(layer.forward(image).array()).to.deep.equal(expected);
    expect(layer.forward(image.trace()).array()).to.deep.equal(expected);
    expect(layer.forward(image.reshape([1, 1, 2, 2])).array()).to.deep.equal([expected]);
  });

  it('cuts off the padding and adds outputPadding at the end', () => {
    const layer = new ConvTranspose2D(1, 1, [1, 3], { stride: 2, padding: [0, 1], outputPadding: [1, 0] });
    layer.weight.data.set([1, 10, 100]);
    layer.bias?.data.set([7]);
    expect(layer.forward(Tensor.from([1, 2], [1, 1, 2])).array()).to.deep.equal([
      [
        [17, 109, 27],
        [7, 7, 7],
      ],
    ]);
  });

  it('is the transpose of a convolution with the same weight', () => {
    // The sum of y * conv(x) is the sum of x * transposed(y).
    const settings = {
      stride: [2, 1],
      padding: [1, 2, 0, 1],
      dilation: [1, 2],
      groups: 2,
      bias: false,
    } as const;
    const conv = new Conv2D(4, 6, [3, 2], { ...settings, rng: seeded(1) });
    const transposed = new ConvTranspose2D(6, 4, [3, 2], settings);
    expect(transposed.weight.shape).to.deep.equal(conv.weight.shape);
    transposed.weight.data.set(conv.weight.data);
    const x = Tensor.from(values(seeded(2), 2 * 4 * 8 * 7), [2, 4, 8, 7]);
    const image = conv.forward(x);
    const y = Tensor.from(values(seeded(3), image.data.length), image.shape);
    const back = transposed.forward(y);
    expect(back.shape).to.deep.equal(x.shape);
    const left = image.mul(y).sum().item();
    expect(back.mul(x).sum().item()).to.be.closeTo(left, 1e-4 * Math.abs(left) + 1e-3);
  });

  for (const options of [
    { stride: 1 as const, padding: 1 },
    { stride: 2 as const, padding: 1, outputPadding: 1 },
    { stride: 2 as const, dilation: 3, groups: 2, padding: 2 },
  ]) {
    it(`has gradients that match finite differences, ${JSON.stringify(options)}`, () => {
      const layer = new ConvTranspose2D(2, 4, [3, 2], { ...options, rng: seeded(5) });
      const x = Tensor.from(values(seeded(1), 2 * 2 * 4 * 3), [2, 2, 4, 3]);
      checkGradients(
        ([a]) =>
          layer
            .forward(a.reshape([2, 2, 4, 3]))
            .square()
            .mean(),
        [x],
        2e-3,
      );
    });
  }

  it('trains behind a convolution', () => {
    const net = new Sequential(
      new Conv2D(1, 4, 3, { stride: 2, padding: 1, rng: seeded(1) }),
      new ConvTranspose2D(4, 1, 4, { stride: 2, padding: 1, rng: seeded(2) }),
    );
    const x = Tensor.from(values(seeded(3), 4 * 64), [4, 1, 8, 8]);
    const loss = () => net.forwardMut(x.trace()).sub(x).square().mean();
    const before = loss().item();
    const sgd = new Sgd({ lr: 0.1, momentum: 0.9 });
    for (let i = 0; i < 30; i++) sgd.update(net, backward(loss()));
    expect(loss().item()).to.be.lessThan(0.7 * before);
  });

  it('is saved and loaded as .npz and safetensors', async () => {
    const layer = new ConvTranspose2D(4, 6, [2, 3], { groups: 2, rng: seeded(1) });
    const copies = [0, 1].map(() => new ConvTranspose2D(4, 6, [2, 3], { groups: 2 }));
    await layer.save(file('conv.npz'));
    await copies[0].load(file('conv.npz'));
    await saveSafetensors(file('conv.safetensors'), layer);
    await loadSafetensors(file('conv.safetensors'), copies[1]);
    for (const copy of copies) {
      expectNear(copy.weight.data, layer.weight.data, 0);
      expect(copy.bias?.array()).to.deep.equal(layer.bias?.array());
    }
  });

  it('accepts an empty batch and prints its settings', () => {
    const layer = new ConvTranspose2D(2, 4, 3, { stride: 2, outputPadding: [0, 1], groups: 2 });
    expect(layer.forward(Tensor.zeros([0, 2, 3, 3])).shape).to.deep.equal([0, 4, 7, 8]);
    const line = 'ConvTranspose2D(2, 4, 3) {\n  stride: 2, padding: 0, outputPadding: [0, 1], groups: 2\n';
    expect(String(layer)).to.include(line);
  });

  it('refuses wrong shapes and arguments', () => {
    const layer = new ConvTranspose2D(2, 3, 3, { padding: 2 });
    const forward = layer.forward.bind(layer) as Untyped;
    expectError(() => forward(Tensor.zeros([3, 5, 5])), RangeError, '[2, H, W]', '[3, 5, 5]');
    const cut = 'a height of which paddings of 2 and 2 leave at least 1';
    expectError(() => forward(Tensor.zeros([2, 2, 5])), RangeError, cut, '[2, 2, 5]');
    expectError(() => forward(Tensor.zeros([2, 5, 2])), RangeError, 'a width of which', '[2, 5, 2]');
    expectError(() => forward(Tensor.zeros([2, 5, 0])), RangeError, 'a width of which', '[2, 5, 0]');
    const make = (...args: unknown[]) => Reflect.construct(ConvTranspose2D, args) as object;
    expectError(() => make(2, 3, 3, { padding: 'same' }), TypeError, 'for padding', '"same"');
    const limit = 'less than the stride or the dilation, 2, for outputPadding';
    expectError(() => make(2, 3, 3, { stride: 2, outputPadding: 2 }), RangeError, limit, '2');
    expectError(() => make(2, 3, 3, { outputPadding: [0, 1] }), RangeError, 'for outputPadding', '1');
    expectError(() => make(2, 3, 3, { groups: 2 }), RangeError, 'a divisor of outChannels, 3, for groups');
    expectError(() => make(3, 2, 3, { groups: 2 }), RangeError, 'a divisor of inChannels, 3, for groups');
  });
});

describe('ConvTranspose1D', () => {
  it('is bit-identical to a ConvTranspose2D with one row', () => {
    const layer = new ConvTranspose1D(6, 9, 5, {
      ...{ stride: 3, padding: [2, 1], outputPadding: 2, dilation: 2, groups: 3, rng: seeded(2) },
    });
    const options = {
      stride: [1, 3],
      padding: [0, 2, 0, 1],
      outputPadding: [0, 2],
      dilation: [1, 2],
      groups: 3,
    } as const;
    const images = new ConvTranspose2D(6, 9, [1, 5], options);
    images.weight.data.set(layer.weight.data);
    images.bias?.data.set(layer.bias?.data ?? []);
    const x = values(seeded(3), 2 * 6 * 13);
    const y = layer.forward(Tensor.from(x, [2, 6, 13]));
    expect(y.shape).to.deep.equal([2, 9, 44]);
    expect(y.data).to.deep.equal(images.forward(Tensor.from(x, [2, 6, 1, 13])).data);
  });

  it('refuses wrong shapes and arguments', () => {
    const layer = new ConvTranspose1D(2, 3, 3, { padding: 2 });
    const forward = layer.forward.bind(layer) as Untyped;
    expectError(() => forward(Tensor.zeros([3, 5])), RangeError, '[2, L]', '[3, 5]');
    expectError(
      () => forward(Tensor.zeros([2, 2])),
      RangeError,
      'a length of which paddings of 2 and 2',
      '[2, 2]',
    );
    const make = (...args: unknown[]) => Reflect.construct(ConvTranspose1D, args) as object;
    expectError(() => make(2, 3, [3]), TypeError, 'for kernelSize', 'Array of length 1');
    expectError(() => make(2, 3, 3, { outputPadding: 1 }), RangeError, 'for outputPadding', '1');
    expectError(() => make(2, 3, 3, { outputPadding: -1 }), RangeError, 'for outputPadding', '-1');
  });
});
