import { backward, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { seeded } from '../../support/random.js';

describe('Tensor', () => {
  describe('from', () => {
    it('copies flat numbers, typed arrays and nested arrays', () => {
      const source = Float32Array.of(1, 2, 3, 4, 5, 6);
      const copies = [
        Tensor.from(source, [2, 3]),
        Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]),
        Tensor.from(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          [2, 3],
        ),
        Tensor.from(Float64Array.from(source), [2, 3]),
      ];
      source.fill(0);
      for (const copy of copies) {
        expect(copy.array()).to.deep.equal([
          [1, 2, 3],
          [4, 5, 6],
        ]);
      }
    });

    it('creates scalars and empty tensors', () => {
      expect(Tensor.from([7], []).item()).to.equal(7);
      expect(Tensor.from([], [0, 3]).array()).to.deep.equal([]);
    });

    it('refuses values that do not fit the shape', () => {
      const from: Untyped = (...args) => (Tensor.from as Untyped)(...args);
      expectError(() => from([1, 2, 3], [2]), RangeError, '2 values', 'for values', '3 values');
      expectError(() => from(new Float32Array(3), [2]), RangeError, 'Float32Array of length 3');
      expectError(() => from([1, 'x'], [2]), TypeError, 'values[1]', '"x" of type string');
      expectError(() => from([[1, 2], [3]], [2, 2]), RangeError, 'values[1]', 'length 2');
      expectError(() => from([[1, 2], 3], [2, 2]), TypeError, 'values[1]', '3 of type number');
      expectError(() => from(new BigInt64Array(2), [2]), TypeError, 'numbers', 'BigInt64Array');
      expectError(() => from('12', [2]), TypeError, 'for values', '"12"');
      expectError(() => from([1], 1), TypeError, 'for shape', '1 of type number');
      expectError(() => from([1], [-1]), RangeError, 'shape[0]', '-1');
      expectError(() => from([1], ['1']), TypeError, 'shape[0]', '"1"');
      expectError(() => from([1], [2 ** 31, 2 ** 31]), RangeError, 'for shape');
    });
  });

  describe('adopt', () => {
    it('shares the memory', () => {
      const values = Float32Array.of(1, 2);
      const x = Tensor.adopt(values, [2]);
      values[0] = 5;
      expect(x.array()).to.deep.equal([5, 2]);
      expect(x.data).to.equal(values);
    });

    it('refuses anything but a Float32Array of the right length', () => {
      const adopt: Untyped = (...args) => (Tensor.adopt as Untyped)(...args);
      expectError(() => adopt([1, 2], [2]), TypeError, 'Float32Array for values', 'Array');
      expectError(() => adopt(new Float32Array(3), [2]), RangeError, '2 values', 'length 3');
    });
  });

  it('zeros and ones fill the shape', () => {
    expect(Tensor.zeros([2, 2]).array()).to.deep.equal([
      [0, 0],
      [0, 0],
    ]);
    expect(Tensor.ones([3]).array()).to.deep.equal([1, 1, 1]);
  });

  it('zeros overwrites recycled memory', () => {
    const used = Tensor.ones([1000]);
    used.dispose();
    expect(Tensor.zeros([1000]).sum().item()).to.equal(0);
  });

  it('randn is reproducible and approximately standard normal', () => {
    const a = Tensor.randn([9999], { rng: seeded(1) });
    expect(Tensor.randn([9999], { rng: seeded(1) }).data).to.deep.equal(a.data);
    expect(a.mean().item()).to.be.closeTo(0, 0.05);
    expect(a.square().mean().item()).to.be.closeTo(1, 0.05);
    expectError(() => (Tensor.randn as Untyped)([2], { rng: 1 }), TypeError, 'for rng', '1');
  });

  it('array() nests as deep as the shape', () => {
    expect(Tensor.from([1, 2, 3, 4], [1, 2, 1, 2]).array()).to.deep.equal([[[[1, 2]], [[3, 4]]]]);
  });

  it('item() requires exactly one value', () => {
    expect(Tensor.from([3], [1, 1]).item()).to.equal(3);
    expectError(() => Tensor.zeros([2]).item(), RangeError, 'one value', '[2]');
  });

  it('has a shape that cannot be changed', () => {
    const shape = [2, 2] as [number, number];
    const x = Tensor.zeros(shape);
    shape[0] = 9;
    expect(x.shape).to.deep.equal([2, 2]);
    const products = [x.matmul(x), x.add(1), x.sum(), x.reshape([4]), x.trace().mean()];
    for (const { shape: own } of [x, ...products]) expect(Object.isFrozen(own)).to.equal(true);
  });

  it('trace() keeps the id and shares the values; detach() and clone() have new ids', () => {
    const x = Tensor.from([1, 2], [2]);
    const traced = x.trace();
    expect(traced.id).to.equal(x.id);
    expect(traced.data).to.equal(x.data);
    expect(x.detach().id).to.not.equal(x.id);
    expect(x.detach().data).to.equal(x.data);
    expect(x.clone().data).to.deep.equal(x.data);
    expect(x.clone().data).to.not.equal(x.data);
    expect(traced.detach().relu().array()).to.deep.equal([1, 2]);
  });

  it('trace() refuses a tensor that has a tape', () => {
    const traced = Tensor.zeros([2]).trace();
    expectError(() => (traced.trace as Untyped).call(traced), TypeError, 'without a tape');
  });

  it('throws after it was disposed of', () => {
    const x = Tensor.zeros([2]);
    x.dispose();
    x.dispose();
    expectError(() => x.data, TypeError, 'disposed', 'clone()');
    expectError(() => x.relu(), TypeError, 'disposed');
  });

  it('is disposed of at the end of its block by Symbol.dispose', () => {
    const x = Tensor.zeros([2]);
    x[Symbol.dispose]();
    expectError(() => x.array(), TypeError, 'disposed');
  });

  it('keeps values that a graph saved, although it was disposed of', () => {
    const x = Tensor.from([3, 4], [2]);
    const loss = x.trace().square().sum();
    x.dispose();
    expect(backward(loss).get(x)?.array()).to.deep.equal([6, 8]);
  });

  it('has a shape and an id that cannot be assigned', () => {
    const x = Tensor.from([1, 2, 3, 4], [4]);
    for (const field of ['shape', 'id', 'data']) {
      expectError(() => ((x as unknown as Record<string, unknown>)[field] = [6]), TypeError, field);
    }
    expect(x.exp().shape).to.deep.equal([4]);
    expectError(() => (x.shape as unknown as number[]).push(1), TypeError, 'not extensible');
  });
});
