import { backward, FileFormatError, Linear, moduleFromJSON, randomGenerator, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const temporaryFile = temporaryDirectory();

describe('Linear', () => {
  it('computes x W^T + b, with or without a tape', () => {
    const layer = new Linear(2, 3);
    layer.weight.data.set([1, 2, 3, 4, 5, 6]);
    layer.bias.data.set([10, 20, 30]);
    const x = Tensor.from([1, 1, 0, 2], [2, 2]);
    const expected = [
      [13, 27, 41],
      [14, 28, 42],
    ];
    expect(layer.forward(x).array()).to.deep.equal(expected);
    expect(layer.forward(x.trace()).array()).to.deep.equal(expected);
  });

  it('has gradients with respect to x, weight and bias', () => {
    const layer = new Linear(2, 1);
    layer.weight.data.set([3, 4]);
    const x = Tensor.from([1, 2, 5, 6], [2, 2]);
    const gradients = backward(layer.forward(x.trace()).sum());
    expect(gradients.get(x)?.array()).to.deep.equal([
      [3, 4],
      [3, 4],
    ]);
    expect(gradients.get(layer.weight)?.array()).to.deep.equal([[6, 8]]);
    expect(gradients.get(layer.bias)?.array()).to.deep.equal([2]);
  });

  it('computes x W^T without a bias, and its gradients', () => {
    const layer = new Linear(2, 3, { bias: false });
    layer.weight.data.set([1, 2, 3, 4, 5, 6]);
    expect(layer.bias).to.equal(undefined);
    expect(layer.parameters().map(([name]) => name)).to.deep.equal(['weight']);
    const x = Tensor.from([1, 1, 0, 2], [2, 2]);
    const expected = [
      [3, 7, 11],
      [4, 8, 12],
    ];
    expect(layer.forward(x).array()).to.deep.equal(expected);
    const y = layer.forward(x.trace());
    expect(y.array()).to.deep.equal(expected);
    const gradients = backward(y.sum());
    expect(gradients.get(layer.weight)?.array()).to.deep.equal([
      [1, 3],
      [1, 3],
      [1, 3],
    ]);
  });

  it('keeps the missing bias in clones, JSON and files', async () => {
    const layer = new Linear(2, 3, { bias: false, rng: seeded(1) });
    expect(layer.clone().bias).to.equal(undefined);
    const read = moduleFromJSON(JSON.parse(JSON.stringify(layer))) as Linear<2, 3, false>;
    expect(read.bias).to.equal(undefined);
    expect(read.weight.array()).to.deep.equal(layer.weight.array());
    const file = temporaryFile('linear.npz');
    await layer.save(file);
    const other = new Linear(2, 3, { bias: false });
    await other.load(file);
    expect(other.weight.array()).to.deep.equal(layer.weight.array());
    await expectRejection(new Linear(2, 3).load(file), FileFormatError, 'bias.npy');
    await new Linear(2, 3).save(file);
    await expectRejection(other.load(file), FileFormatError, 'bias.npy');
    await layer.saveSafetensors(file);
    await other.loadSafetensors(file);
    expect(other.weight.array()).to.deep.equal(layer.weight.array());
  });

  it('initializes uniformly in +-1/sqrt(inputs), reproducibly for the same seed', () => {
    const layer = new Linear(100, 50, { rng: seeded(3) });
    expect(layer.weight.data).to.deep.equal(new Linear(100, 50, { rng: seeded(3) }).weight.data);
    for (const { data } of [layer.weight, layer.bias]) {
      expect(Math.max(...data)).to.be.within(0.09, 0.1);
      expect(Math.min(...data)).to.be.within(-0.1, -0.09);
    }
    expect(layer.weight.mean().item()).to.be.closeTo(0, 0.005);
    expect(layer.weight.square().mean().item()).to.be.closeTo(0.01 / 3, 2e-4);
  });

  it('clones deeply and resets in place', () => {
    const layer = new Linear(2, 2, { rng: seeded(1) });
    const copy = layer.clone();
    expect(copy.weight.data).to.deep.equal(layer.weight.data);
    expect(copy.weight.id).to.not.equal(layer.weight.id);
    const { weight } = layer;
    layer.resetParams(seeded(2));
    expect(layer.weight).to.equal(weight);
    expect(weight.data).to.not.deep.equal(copy.weight.data);
  });

  it('resets to the same weights from the same seed on every platform', () => {
    // The first words of MT19937 with seed 42, from numpy 1.24.
    const words = [1608637542, 3421126067, 4083286876, 787846414, 3143890026, 3348747335];
    words.push(2571218620, 2563451924, 670094950, 1914837113, 669991378, 429389014);
    words.push(249467210, 1972458954, 3720198231, 1433267572);
    // Two words make a number of 53 bits: the upper 27 bits of one, the upper 26 of the next.
    const uniform = (i: number) => ((words[2 * i] >>> 5) * 2 ** 26 + (words[2 * i + 1] >>> 6)) / 2 ** 53;
    const layer = new Linear(3, 2);
    layer.resetParams(randomGenerator(42));
    const drawn = [...layer.weight.data, ...layer.bias.data];
    const expected = drawn.map((_, i) => Math.fround((2 * uniform(i) - 1) / Math.sqrt(3)));
    expect(drawn).to.deep.equal(expected);
  });

  it('refuses wrong shapes and arguments', () => {
    const layer = new Linear(2, 3);
    const forward = layer.forward.bind(layer) as Untyped;
    expectError(() => forward(Tensor.zeros([2, 3])), RangeError, '[N, 2]', '[2, 3]');
    expectError(() => forward(Tensor.zeros([2])), RangeError, '[N, 2]', '[2]');
    expectError(() => forward('x'), TypeError, 'a Tensor for x', '"x"');
    const make = (...args: unknown[]) => Reflect.construct(Linear, args) as object;
    expectError(() => make(0, 3), RangeError, 'for inputs', '0');
    expectError(() => make(3, '4'), TypeError, 'for outputs', '"4"');
    expectError(() => make(3, 4, { bias: 1 }), TypeError, 'a boolean for bias', '1');
    expectError(() => make(3, 4, { rng: 5 }), TypeError, 'for rng', '5');
    expectError(() => make(3, 4, { seed: 5 }), TypeError, 'rng', '"seed"');
    const reset = layer.resetParams.bind(layer) as Untyped;
    const before = layer.weight.data.slice();
    expectError(() => reset('seed'), TypeError, 'for rng', '"seed"');
    expect(layer.weight.data).to.deep.equal(before);
  });
});
