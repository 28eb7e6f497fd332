import { inspect } from 'node:util';
import {
  backward,
  BatchNorm2D,
  Conv2D,
  type Conv2DOptions,
  Flatten2D,
  Linear,
  loadSafetensors,
  ReLU,
  Residual,
  saveSafetensors,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('Conv2D', () => {
  const file = temporaryDirectory();

  it('convolves images, with or without a tape', () => {
    const layer = new Conv2D(1, 2, 2);
    layer.weight.data.set([1, 2, 3, 4, 0, 0, 0, 1]);
    layer.bias?.data.set([10, -1]);
    const image = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3]);
    const expected = [
      [
        [47, 57],
        [77, 87],
      ],
      [
        [4, 5],
        [7, 8],
      ],
    ];
    expect(layer.forward(image).array()).to.deep.equal(expected);
    expect(layer.forward(image.trace()).array()).to.deep.equal(expected);
    const batch = Tensor.from([...image.data, ...image.data], [2, 1, 3, 3]);
    expect(layer.forward(batch).array()).to.deep.equal([expected, expected]);
  });

  it('supports zero padding and strides', () => {
    const layer = new Conv2D(1, 1, 3, { stride: 2, padding: 1, bias: false });
    layer.weight.data.fill(1);
    const image = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3]);
    expect(layer.forward(image).array()).to.deep.equal([
      [
        [12, 16],
        [24, 28],
      ],
    ]);
    expect(layer.bias).to.equal(undefined);
  });

  it('supports kernels, strides and paddings that differ for rows and columns', () => {
    const layer = new Conv2D(1, 1, [1, 2], { stride: [2, 1], padding: [1, 0], bias: false });
    layer.weight.data.set([1, 10]);
    const image = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3]);
    // The first and the third row are padding, and so is the fifth.
    expect(layer.forward(image).array()).to.deep.equal([
      [
        [0, 0],
        [54, 65],
        [0, 0],
      ],
    ]);
  });

  it('supports padding on four sides', () => {
    const layer = new Conv2D(1, 1, 1, { padding: [1, 0, 0, 2], bias: false });
    layer.weight.data.set([3]);
    expect(layer.forward(Tensor.from([1, 2], [1, 1, 2])).array()).to.deep.equal([
      [
        [0, 0, 0, 0],
        [3, 6, 0, 0],
      ],
    ]);
  });

  it("keeps height and width with padding: 'same', with the larger half at the end", () => {
    const layer = new Conv2D(1, 1, [2, 4], { padding: 'same', bias: false });
    layer.weight.data.set([1, 10, 100, 1000, 0, 0, 0, 0]);
    const row = Tensor.from([1, 2, 3], [1, 1, 3]);
    expect(layer.forward(row).array()).to.deep.equal([[[3210, 321, 32]]]);
    expect(layer.forward(Tensor.zeros([2, 1, 5, 7])).shape).to.deep.equal([2, 1, 5, 7]);
  });

  it('supports dilation', () => {
    const layer = new Conv2D(1, 1, 2, { dilation: [1, 2], bias: false });
    layer.weight.data.set([1, 10, 100, 1000]);
    const image = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4]);
    expect(layer.forward(image).array()).to.deep.equal([[[7531, 8642]]]);
  });

  it('convolves groups of channels separately', () => {
    const layer = new Conv2D(4, 2, 1, { groups: 2 });
    layer.weight.data.set([1, 10, 100, 1000]);
    layer.bias?.data.set([0.5, 0.25]);
    const x = Tensor.from([1, 2, 3, 4], [4, 1, 1]);
    expect(layer.forward(x).array()).to.deep.equal([[[21.5]], [[4300.25]]]);
    const depthwise = new Conv2D(2, 4, 1, { groups: 2, bias: false });
    expect(depthwise.weight.shape).to.deep.equal([4, 1, 1, 1]);
    depthwise.weight.data.set([1, 2, 3, 4]);
    expect([...depthwise.forward(Tensor.from([1, 10], [2, 1, 1])).data]).to.deep.equal([1, 2, 30, 40]);
  });

  const settings: readonly Conv2DOptions[] = [
    { stride: 1, padding: 1 },
    { stride: 2, padding: 0 },
    { stride: 3, padding: 2 },
    { stride: [2, 1], padding: [2, 0, 1, 3] },
    { padding: 'same', dilation: [1, 2] },
    { stride: [2, 3], dilation: 2, padding: 3 },
    { padding: 1, groups: 2 },
  ];
  for (const options of settings) {
    it(`has gradients that match finite differences, ${JSON.stringify(options)}`, () => {
      const layer = new Conv2D(2, 4, [3, 2], { ...options, rng: seeded(5) });
      const x = Tensor.from(values(seeded(1), 2 * 2 * 5 * 4), [2, 2, 5, 4]);
      checkGradients(
        ([a]) =>
          layer
            .forward(a.reshape([2, 2, 5, 4]))
            .square()
            .mean(),
        [x],
        2e-3,
      );
    });
  }

  it('accepts an empty batch', () => {
    const layer = new Conv2D(2, 3, 3);
    const x = Tensor.zeros([0, 2, 5, 5]);
    expect(layer.forward(x).shape).to.deep.equal([0, 3, 3, 3]);
    const gradients = backward(layer.forward(x.trace()).sum());
    expect(gradients.get(layer.weight)?.data.every((value) => value === 0)).to.equal(true);
  });

  it('initializes uniformly in +-1/sqrt(I K K), reproducibly for the same seed', () => {
    const layer = new Conv2D(10, 50, 3, { rng: seeded(3) });
    expect(layer.weight.data).to.deep.equal(new Conv2D(10, 50, 3, { rng: seeded(3) }).weight.data);
    const bound = 1 / Math.sqrt(90);
    const { data } = layer.weight;
    expect(Math.max(...data)).to.be.within(0.95 * bound, bound);
    expect(Math.min(...data)).to.be.within(-bound, -0.95 * bound);
    expect(layer.weight.mean().item()).to.be.closeTo(0, 0.005);
    // Uniform: variance bound^2 / 3, equal counts in all quarters; 5 deviations of 4500 draws are 3 % of a quarter.
    expect(layer.weight.square().mean().item()).to.be.closeTo(bound ** 2 / 3, 0.05 * bound ** 2);
    for (let quarter = -2; quarter < 2; quarter++) {
      const inside = data.filter((value) => Math.floor((2 * value) / bound) === quarter).length;
      expect(inside / data.length, `quarter ${quarter}`).to.be.closeTo(0.25, 0.035);
    }
    const biases = layer.bias?.data ?? new Float32Array(0);
    expect(Math.max(...biases)).to.be.within(0.5 * bound, bound);
    expect(Math.min(...biases)).to.be.within(-bound, -0.5 * bound);
  });

  it('clones deeply and resets in place', () => {
    const layer = new Conv2D(2, 2, 3, { stride: 2, padding: 1, rng: seeded(1) });
    const copy = layer.clone();
    expect([copy.stride, copy.padding]).to.deep.equal([2, 1]);
    expect(copy.weight.data).to.deep.equal(layer.weight.data);
    expect(copy.bias?.data).to.deep.equal(layer.bias?.data);
    expect(copy.weight.id).to.not.equal(layer.weight.id);
    const { weight } = layer;
    layer.resetParams(seeded(2));
    expect(layer.weight).to.equal(weight);
    expect(weight.data).to.not.deep.equal(copy.weight.data);
    expect(new Conv2D(2, 2, 3, { bias: false }).clone().bias).to.equal(undefined);
  });

  it('trains in compositions', () => {
    const block = new Residual(
      new Sequential(new Conv2D(2, 2, 3, { padding: 1, bias: false }), new BatchNorm2D(2)),
    );
    const net = new Sequential(
      new Conv2D(1, 2, 3, { padding: 1, rng: seeded(7) }),
      block,
      new ReLU(),
      new Flatten2D(),
      new Linear(32, 2, { rng: seeded(8) }),
    );
    net.resetParams(seeded(4));
    const x = Tensor.from(values(seeded(9), 48), [3, 1, 4, 4]);
    const loss = () => net.forwardMut(x.trace()).square().mean();
    const before = loss().item();
    const sgd = new Sgd({ lr: 0.05 });
    for (let i = 0; i < 10; i++) sgd.update(net, backward(loss()));
    expect(loss().item()).to.be.lessThan(0.7 * before);
    expect(net.parameters().map(([name]) => name)).to.include.members(['0.weight', '0.bias', '1.0.0.weight']);
  });

  it('is saved and loaded as .npz and safetensors', async () => {
    for (const bias of [true, false]) {
      const layer = new Conv2D(2, 3, 3, { bias, rng: seeded(1) });
      const npz = new Conv2D(2, 3, 3, { bias });
      await layer.save(file('conv.npz'));
      await npz.load(file('conv.npz'));
      const safetensors = new Conv2D(2, 3, 3, { bias });
      await saveSafetensors(file('conv.safetensors'), layer);
      await loadSafetensors(file('conv.safetensors'), safetensors);
      for (const copy of [npz, safetensors]) {
        expectNear(copy.weight.data, layer.weight.data, 0);
        expect(copy.bias?.array()).to.deep.equal(layer.bias?.array());
      }
    }
    const other = new Conv2D(2, 3, 5);
    const before = other.weight.array();
    await expectRejection(other.load(file('conv.npz')), Error, 'weight');
    expect(other.weight.array()).to.deep.equal(before);
  });

  it('prints a kernel that is not square, dilation and groups', () => {
    const layer = new Conv2D(4, 4, [1, 3], { padding: [0, 1], dilation: 2, groups: 4, bias: false });
    expect(String(layer)).to.include('Conv2D(4, 4, [1, 3]) {');
    expect(String(layer)).to.include('stride: 1, padding: [0, 1], dilation: 2, groups: 4');
    expect(String(new Conv2D(1, 1, 3, { padding: 'same' }))).to.include('padding: same');
  });

  it('does not share arrays of settings with the caller', () => {
    const stride = [1, 2] as [number, number];
    const layer = new Conv2D(1, 1, 1, { stride });
    stride[1] = 5;
    expect(layer.stride).to.deep.equal([1, 2]);
    expect(layer.clone().stride).to.deep.equal([1, 2]);
  });

  it('prints its sizes and summaries', () => {
    const layer = new Conv2D(2, 3, 3, { stride: 2, padding: 1, bias: false });
    layer.weight.data.fill(0.5);
    const expected =
      'Conv2D(2, 3, 3) {\n  stride: 2, padding: 1\n  weight [3, 2, 3, 3]: 0.5\n  54 parameters, all trainable\n}';
    expect(String(layer)).to.equal(expected);
    expect(inspect(layer)).to.equal(expected);
  });

  it('refuses wrong shapes and arguments', () => {
    const layer = new Conv2D(2, 3, 3);
    const forward = layer.forward.bind(layer) as Untyped;
    expectError(() => forward(Tensor.zeros([3, 5, 5])), RangeError, '[2, H, W]', '[3, 5, 5]');
    expectError(() => forward(Tensor.zeros([2, 5])), RangeError, '[N, 2, H, W]', '[2, 5]');
    expectError(() => forward(Tensor.zeros([2, 2, 5])), RangeError, 'a height of at least 3', '[2, 2, 5]');
    expectError(() => forward(Tensor.zeros([2, 5, 2])), RangeError, 'a width of at least 3');
    expectError(() => forward('x'), TypeError, 'a Tensor for x', '"x"');
    const make = (...args: unknown[]) => Reflect.construct(Conv2D, args) as object;
    expectError(() => make(0, 3, 3), RangeError, 'for inChannels', '0');
    expectError(() => make(3, '4', 3), TypeError, 'for outChannels', '"4"');
    expectError(() => make(3, 4, 1.5), RangeError, 'for kernelSize', '1.5');
    expectError(() => make(3, 4, 3, { stride: 0 }), RangeError, 'for stride', '0');
    expectError(() => make(3, 4, 3, { padding: -1 }), RangeError, 'for padding', '-1');
    expectError(() => make(3, 4, 3, { padding: 'valid' }), TypeError, "or 'same' for padding", '"valid"');
    expectError(() => make(3, 4, 3, { padding: 'same', stride: [1, 2] }), RangeError, 'for stride', '2');
    expectError(() => make(3, 4, 3, { padding: [1, 2, 3] }), TypeError, 'for padding', 'Array of length 3');
    expectError(() => make(3, 4, 3, { padding: [1, -2] }), RangeError, 'for padding[1]', '-2');
    expectError(() => make(3, 4, [3]), TypeError, '[rows, columns], for kernelSize', 'Array of length 1');
    expectError(() => make(3, 4, [3, 0]), RangeError, 'for kernelSize[1]', '0');
    expectError(() => make(3, 4, 3, { stride: ['1', 2] }), TypeError, 'for stride[0]', '"1"');
    expectError(() => make(3, 4, 3, { dilation: 0 }), RangeError, 'for dilation', '0');
    expectError(
      () => make(3, 6, 3, { groups: 2 }),
      RangeError,
      'a divisor of inChannels, 3, for groups',
      '2',
    );
    expectError(() => make(4, 3, 3, { groups: 2 }), RangeError, 'a divisor of outChannels, 3, for groups');
    expectError(() => make(4, 3, 3, { groups: 1.5 }), RangeError, 'for groups', '1.5');
    expectError(() => make(3, 4, 3, { bias: 0 }), TypeError, 'for bias', '0');
    expectError(() => make(3, 4, 3, { rng: 5 }), TypeError, 'for rng', '5');
    expectError(() => make(3, 4, 3, { dilatation: 2 }), TypeError, 'dilation', '"dilatation"');
    const reset = layer.resetParams.bind(layer) as Untyped;
    const before = layer.weight.data.slice();
    expectError(() => reset('seed'), TypeError, 'for rng', '"seed"');
    expect(layer.weight.data).to.deep.equal(before);
  });
});
