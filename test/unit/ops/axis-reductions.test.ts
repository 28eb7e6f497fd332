import { backward, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { count, random, reductionCases, resultIndices } from '../../support/axis-reductions.js';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';

/** A method as called from plain JavaScript. */
function untyped(tensor: Tensor<Shape>, name: string, ...args: unknown[]): () => unknown {
  return () => (tensor as unknown as Record<string, Untyped>)[name].apply(tensor, args);
}

describe('sum and mean over axes', () => {
  for (const [shape, axes] of reductionCases) {
    it(`of [${shape.join(', ')}] over [${axes.join(', ')}]`, () => {
      const x = random(shape);
      const to = resultIndices(shape, axes);
      const kept = shape.filter((_, axis) => !axes.includes(axis));
      const sums = new Float64Array(count(kept));
      const magnitudes = new Float64Array(sums.length);
      x.data.forEach((value, i) => {
        sums[to[i]] += value;
        magnitudes[to[i]] += Math.abs(value);
      });
      const each = count(shape) / sums.length;
      const bound = 1e-6 * Math.max(...magnitudes);
      const sum = x.sum({ axes });
      expect(sum.shape).to.deep.equal(kept);
      expectNear(sum.data, sums, bound);
      const withOnes = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      const mean = x.mean({ axes: axes.map((axis) => axis - shape.length), keepDims: true });
      expect(mean.shape).to.deep.equal(withOnes);
      expectNear(
        mean.data,
        sums.map((value) => value / each),
        bound / each,
      );

      const dy = random(kept);
      const ofSum = backward(x.trace().sum({ axes }).mul(dy).sum()).get(x);
      expect(ofSum?.shape).to.deep.equal(shape);
      expectNear(
        ofSum?.data ?? [],
        Array.from(to, (index) => dy.data[index]),
        0,
      );
      const ofMean = backward(x.trace().mean({ axes }).mul(dy).sum()).get(x);
      expectNear(
        ofMean?.data ?? [],
        Array.from(to, (index) => Math.fround(dy.data[index] / each)),
        0,
      );
    });
  }

  it('take all axes by default, with the same bits as without options', () => {
    const x = random([30, 1234]);
    expect(x.sum({}).array()).to.equal(x.sum().array());
    expect(x.mean({ axes: [1, 0] }).array()).to.equal(x.mean().array());
    expect(x.sum({ keepDims: true }).array()).to.deep.equal([[x.sum().array()]]);
    expect(x.sum(undefined as never).shape).to.deep.equal([]);
    expect(random([]).sum({ axes: [] }).shape).to.deep.equal([]);
  });

  it('have the gradients of finite differences', () => {
    checkGradients(([x]) => x.square().sum({ axes: 1 }).square().sum(), [random([2, 3, 2])], 5e-3);
    checkGradients(
      ([x]) =>
        x
          .square()
          .mean({ axes: [0, -1] })
          .square()
          .sum(),
      [random([2, 3, 2])],
      5e-3,
    );
  });

  it('are 0 and NaN for no values', () => {
    const none = Tensor.zeros([2, 0, 3]);
    expect(none.sum({ axes: 1 }).array()).to.deep.equal([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(none.mean({ axes: 1 }).array()).to.deep.equal([
      [NaN, NaN, NaN],
      [NaN, NaN, NaN],
    ]);
    expect(none.sum({ axes: [0, 1], keepDims: true }).array()).to.deep.equal([[[0, 0, 0]]]);
    expect(none.sum({ axes: 0 }).shape).to.deep.equal([0, 3]);
    expect(none.mean({ axes: [0, 2] }).shape).to.deep.equal([0]);
    expect(backward(none.trace().mean({ axes: 1 }).sum()).get(none)?.shape).to.deep.equal([2, 0, 3]);
    expect(backward(none.trace().sum({ axes: 2 }).sum()).get(none)?.shape).to.deep.equal([2, 0, 3]);
  });

  it('accumulate in double precision', () => {
    const x = Tensor.from(new Float32Array(600_000).fill(0.1), [2, 100_000, 3]);
    for (const row of x.mean({ axes: 1 }).array()) {
      for (const value of row) expect(value).to.equal(Math.fround(0.1));
    }
    expectNear(x.sum({ axes: [1, 2] }).data, [30_000, 30_000], 0.03);
  });

  it('share no memory with the tensor, even if nothing is reduced', () => {
    for (const name of ['sum', 'mean', 'max', 'min'] as const) {
      const x = random([3, 1]);
      const before = [...x.data];
      const y = x[name]({ axes: 1 });
      expect([...y.data]).to.deep.equal(before);
      y.data.fill(7);
      expect([...x.data]).to.deep.equal(before);
      const dx = backward(
        x
          .trace()
          [name]({ axes: 1 })
          .mul(random([3]))
          .sum(),
      ).get(x);
      expect([...(dx?.data ?? [])]).to.deep.equal([...random([3]).data]);
    }
  });

  it('keep NaN and infinities in their own result', () => {
    const x = Tensor.from([1, NaN, 2, Infinity, 3, -Infinity, 4, Infinity], [4, 2]);
    expect(x.sum({ axes: 1 }).array()).to.deep.equal([NaN, Infinity, -Infinity, Infinity]);
    expect(x.sum({ axes: 0 }).array()).to.deep.equal([10, NaN]);
  });
});

describe('axes', () => {
  const x = random([2, 3]);
  for (const name of ['sum', 'mean']) {
    it(`of ${name} that are wrong are refused`, () => {
      const call = (axes: unknown, keepDims?: unknown) => untyped(x, name, { axes, keepDims });
      expectError(call(2), RangeError, 'from -2 to 1 (shape [2, 3]) for axes', 'received 2');
      expectError(call(-3), RangeError, 'for axes', '-3');
      expectError(call(0.5), RangeError, 'for axes', '0.5');
      expectError(call(NaN), RangeError, 'for axes', 'NaN');
      expectError(call('0'), TypeError, 'an axis or an array of axes for axes', '"0"');
      expectError(call(null), TypeError, 'an axis or an array of axes for axes', 'null');
      expectError(call([0, 2]), RangeError, 'for axes[1]', '2');
      expectError(call([0, '1']), TypeError, 'for axes[1]', '"1"');
      expectError(call([undefined, 1]), TypeError, 'for axes[0]', 'undefined');
      expectError(call([1, -1]), RangeError, 'each axis once for axes', 'axis 1 again at 1');
      expectError(call(0, 1), TypeError, 'a boolean for keepDims', '1');
      expectError(untyped(x, name, 1), TypeError, 'an object for options', '1');
      expectError(untyped(x, name, { axis: 1 }), TypeError, 'axis');
      expectError(untyped(x, name, {}, true), TypeError, name);
      expectError(untyped(random([]), name, { axes: 0 }), RangeError, 'for axes', 'a scalar has no axes');
    });
  }
});
