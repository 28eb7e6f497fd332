import { backward, Dropout, DropoutOneIn, Linear, Sequential, Tensor } from 'batchnorm';
import { named } from '#lib/backend/argument';
import { dropout, threefry } from '#lib/backend/portable/dropout';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

describe('Dropout', () => {
  it('does nothing in inference', () => {
    const x = Tensor.from(values(seeded(1), 12), [3, 4]);
    expect(new Dropout(0.5).forward(x)).to.equal(x);
    expect(new DropoutOneIn(2).forward(x)).to.equal(x);
    // The composition must not release memory that its caller still owns.
    const net = new Sequential(new Dropout(0.5), new Dropout(0.1));
    expect(net.forward(x).array()).to.deep.equal(x.array());
  });

  it('drops a fraction p of the values in training and scales the others by 1 / (1 - p)', () => {
    const n = 200_000;
    for (const p of [0.1, 0.5, 0.9]) {
      const y = new Dropout(p, { rng: seeded(2) }).forwardMut(Tensor.ones([n]).trace()).data;
      const dropped = y.filter((value) => value === 0).length;
      // Five standard deviations of the binomial distribution.
      expect(dropped).to.be.closeTo(n * p, 5 * Math.sqrt(n * p * (1 - p)));
      const kept = new Set(y.filter((value) => value !== 0));
      expect([...kept]).to.deep.equal([Math.fround(1 / (1 - p))]);
    }
  });

  it('drops neighbors, and the same element in two calls, independently', () => {
    const n = 200_000;
    const layer = new Dropout(0.5, { rng: seeded(3) });
    const x = Tensor.ones([n]).trace();
    const [first, second] = [layer.forwardMut(x).data, layer.forwardMut(x).data];
    const agreeing = (a: Float32Array, b: Float32Array, offset: number) => {
      let count = 0;
      for (let i = 0; i < n - offset; i++) if (a[i] === b[i + offset]) count++;
      return count;
    };
    const limit = 5 * Math.sqrt(n / 4);
    expect(agreeing(first, second, 0)).to.be.closeTo(n / 2, limit);
    for (const offset of [1, 2, 8, 16, 32, 1024]) {
      expect(agreeing(first, first, offset)).to.be.closeTo((n - offset) / 2, limit);
    }
  });

  it('drops the same values for the same generator on every backend, even if several threads share them', () => {
    const n = 100_003;
    const x = Tensor.from(values(seeded(4), n, 1, 5), [n]);
    const dropped = (rng: () => number) => new Dropout(0.3, { rng }).forwardMut(x.trace()).data;
    const y = dropped(seeded(5));
    expect([...dropped(seeded(5))]).to.deep.equal([...y]);
    expect([...dropped(seeded(6))]).to.not.deep.equal([...y]);
    const rng = seeded(5);
    const keys = [rng(), rng()].map((value) => Math.floor(value * 2 ** 32));
    const expected = new Float32Array(n);
    dropout(n, keys[0], keys[1], 0.3, 1 / 0.7, named('x', x.data), named('y', expected));
    expect([...y]).to.deep.equal([...expected]);
  });

  it('passes the gradient to the kept values', () => {
    const x = Tensor.ones([5000]);
    const y = new Dropout(0.25, { rng: seeded(7) }).forwardMut(x.trace());
    const kept = y.data.slice();
    expect([...(backward(y.sum()).get(x)?.data ?? [])]).to.deep.equal([...kept]);
  });

  it('drops nothing with p = 0 and everything with p = 1', () => {
    const x = Tensor.from(values(seeded(8), 100), [100]);
    expect(new Dropout(0).forwardMut(x.trace()).array()).to.deep.equal(x.array());
    expect(new Set(new Dropout(1).forwardMut(x.trace()).data)).to.deep.equal(new Set([0]));
    expect(new DropoutOneIn(1).forwardMut(Tensor.zeros([0, 3]).trace()).shape).to.deep.equal([0, 3]);
  });

  it('equals DropoutOneIn<N> for p = 1 / N', () => {
    const x = Tensor.ones([1000]).trace();
    const one = new DropoutOneIn(5, { rng: seeded(9) }).forwardMut(x).data;
    expect([...one]).to.deep.equal([...new Dropout(0.2, { rng: seeded(9) }).forwardMut(x).data]);
    expect(new DropoutOneIn(5).clone().p).to.equal(0.2);
  });

  it('shares its generator with its clones', () => {
    let asked = 0;
    const layer = new Dropout(0.5, { rng: () => (asked++, 0.5) });
    layer.clone().forwardMut(Tensor.ones([3]).trace());
    expect(asked).to.equal(2);
  });

  it('names invalid arguments and draws nothing from the generator', () => {
    const make = (...given: unknown[]) => Reflect.construct(Dropout, given) as Dropout;
    expectError(() => make('a'), TypeError, 'a number from 0 to 1 for p', '"a"');
    expectError(() => make(1.5), RangeError, 'for p', '1.5');
    expectError(() => make(0.5, { seed: 1 }), TypeError, 'options', 'seed');
    expectError(() => make(0.5, { rng: 5 }), TypeError, 'a function', 'rng', '5');
    expectError(() => Reflect.construct(DropoutOneIn, [0]), RangeError, 'for n', '0');
    let asked = 0;
    const layer = new Dropout(0.5, { rng: () => asked++ });
    const x = Tensor.ones([3]);
    expectError(() => (layer.forwardMut as Untyped).call(layer, x), TypeError, 'trace()');
    expectError(() => (layer.forward as Untyped).call(layer, x.trace()), TypeError, 'forwardMut');
    expect(asked).to.equal(0);
  });

  it('trains within a network', () => {
    const net = new Sequential(new Linear(3, 4), new Dropout(0.5), new Linear(4, 2));
    const gradients = backward(net.forwardMut(Tensor.ones([2, 3]).trace()).mean());
    expect(gradients.get(net.layers[0].weight)?.shape).to.deep.equal([4, 3]);
  });
});

describe('threefry', () => {
  it('gives the known answers of Random123', () => {
    const answer = (...given: [number, number, number, number]) =>
      threefry(...given).map((word) => word.toString(16));
    expect(answer(0, 0, 0, 0)).to.deep.equal(['6b200159', '99ba4efe']);
    const ones = 0xffffffff;
    expect(answer(ones, ones, ones, ones)).to.deep.equal(['1cb996fc', 'bb002be7']);
    const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344] as const;
    expect(answer(...pi)).to.deep.equal(['c4923a9c', '483df7a0']);
  });
});
