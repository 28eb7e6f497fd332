import { backward, crossEntropyWithLogitsLoss, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded, values } from '../../support/random.js';

/** A method as called from plain JavaScript. */
function untyped(tensor: object, name: string): Untyped {
  return (...args) => (tensor as Record<string, Untyped>)[name].apply(tensor, args);
}

describe('arithmetic', () => {
  const a = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);

  it('takes a number, a scalar, a row or a tensor', () => {
    expect(a.add(1).array()).to.deep.equal([
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(a.sub(Tensor.from([1], [])).array()).to.deep.equal([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(a.mul(Tensor.from([1, 0, 2], [3])).array()).to.deep.equal([
      [1, 0, 6],
      [4, 0, 12],
    ]);
    expect(a.div(a).array()).to.deep.equal([
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  it('divides by zero according to IEEE 754', () => {
    expect(Tensor.from([1, -1, 0], [3]).div(0).array()).to.deep.equal([Infinity, -Infinity, NaN]);
  });

  it('works on tensors larger than the chunk of a thread', () => {
    const n = 200_003;
    const x = Tensor.from(values(seeded(1), n), [n]);
    expectNear(
      x.mul(2).add(x).data,
      x.data.map((v) => Math.fround(Math.fround(2 * v) + v)),
      0,
    );
  });

  it('refuses wrong shapes and types', () => {
    const add = untyped(a, 'add');
    expectError(() => add(Tensor.zeros([2])), RangeError, 'for other', '[2, 3]', '[2]');
    expectError(() => add(Tensor.zeros([3, 2])), RangeError, 'for other', '[3, 2]');
    expectError(() => add(Tensor.zeros([3, 1])), RangeError, 'for other', 'broadcasts with [2, 3]', '[3, 1]');
    expectError(() => add('1'), TypeError, 'a number or a Tensor for other', '"1" of type string');
    expectError(() => add(), TypeError, 'for other', 'undefined');
  });
});

describe('elementwise functions', () => {
  const x = Tensor.from([0.25, 1, 2, -1], [4]);

  it('include exp, log, sqrt, square and relu', () => {
    expectNear(x.exp().data, [...x.data].map(Math.exp), 1e-6);
    expectNear(x.square().data, [0.0625, 1, 4, 1], 0);
    expectNear(x.relu().data, [0.25, 1, 2, 0], 0);
    expectNear(x.relu().sqrt().data, [0.5, 1, Math.SQRT2, 0], 1e-7);
    expectNear(x.square().log().data, [Math.log(0.0625), 0, Math.log(4), 0], 1e-6);
  });

  it('return NaN or infinity outside their domain', () => {
    expect(x.log().data[3]).to.deep.equal(NaN);
    expect(x.sqrt().data[3]).to.deep.equal(NaN);
    expect(Tensor.from([0], [1]).log().item()).to.equal(-Infinity);
    expect(Tensor.from([1000], [1]).exp().item()).to.equal(Infinity);
    expect(Tensor.from([NaN], [1]).relu().item()).to.deep.equal(NaN);
  });
});

describe('sum and mean', () => {
  it('accumulate in double precision', () => {
    const x = Tensor.from(new Float32Array(300_000).fill(0.1), [300_000]);
    expect(x.sum().item() / 30_000).to.be.closeTo(1, 1e-6);
    expect(x.mean().item()).to.be.closeTo(0.1, 1e-7);
  });

  it('are 0 and NaN for no values', () => {
    expect(Tensor.zeros([0]).sum().item()).to.equal(0);
    expect(Tensor.zeros([0]).mean().item()).to.deep.equal(NaN);
  });
});

describe('matmul', () => {
  it('matches double precision at odd sizes', () => {
    for (const [m, k, n] of [
      [1, 1, 1],
      [7, 5, 3],
      [70, 300, 50],
      [1, 784, 10],
    ]) {
      const rng = seeded(m + k + n);
      const a = Tensor.from(values(rng, m * k), [m, k]);
      const b = Tensor.from(values(rng, k * n), [k, n]);
      const expected = new Float64Array(m * n);
      const [left, right] = [a.data, b.data];
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          for (let l = 0; l < k; l++) expected[i * n + j] += left[i * k + l] * right[l * n + j];
        }
      }
      expectNear(a.matmul(b).data, expected, 2e-7 * k);
    }
  });

  it('refuses wrong shapes', () => {
    const matmul = untyped(Tensor.zeros([2, 3]), 'matmul');
    expectError(() => matmul(Tensor.zeros([2, 3])), RangeError, '3 rows', '[2, 3]');
    expectError(() => matmul(Tensor.zeros([3])), RangeError, '2D', '[3]');
    expectError(() => matmul(3), TypeError, 'a Tensor for other', '3');
    expectError(() => untyped(Tensor.zeros([3]), 'matmul')(Tensor.zeros([3, 1])), RangeError, '2D');
  });
});

describe('reshape', () => {
  it('shares the values', () => {
    const x = Tensor.from([1, 2, 3, 4], [2, 2]);
    expect(x.reshape([4]).array()).to.deep.equal([1, 2, 3, 4]);
    expect(x.reshape([1, 4, 1]).shape).to.deep.equal([1, 4, 1]);
  });

  it('refuses a different number of values', () => {
    const reshape = untyped(Tensor.zeros([2, 2]), 'reshape');
    expectError(() => reshape([3]), RangeError, 'for shape', '4 values', '[3]');
    expectError(() => reshape('x'), TypeError, 'for shape', '"x"');
  });
});

describe('logSoftmax', () => {
  it('gives probabilities that sum to one in each row, even for large logits', () => {
    const x = Tensor.from([1, 2, 3, 1000, 1001, -1000], [2, 3]);
    const y = x.logSoftmax().array();
    for (const row of y) expect(row.reduce((a, b) => a + Math.exp(b), 0)).to.be.closeTo(1, 1e-6);
    expect(y[0][2]).to.be.closeTo(-Math.log(1 + Math.exp(-1) + Math.exp(-2)), 1e-6);
  });

  it('refuses higher ranks', () => {
    expectError(untyped(Tensor.zeros([1, 2, 3]), 'logSoftmax'), RangeError, '1D or 2D');
  });
});

describe('crossEntropyWithLogitsLoss', () => {
  const logits = Tensor.from([2, 0, 0, 0, 3, 0], [2, 3]);
  const expected = (Math.log(Math.exp(2) + 2) - 2 + Math.log(Math.exp(3) + 2)) / 2; /* classes 0 and 2 */

  it('is the mean of -log(softmax) at the target classes', () => {
    for (const targets of [[0, 2], Uint8Array.of(0, 2), Int32Array.of(0, 2)]) {
      expect(crossEntropyWithLogitsLoss(logits, targets).item()).to.be.closeTo(expected, 1e-6);
    }
    const oneHot = Tensor.from([1, 0, 0, 0, 0, 1], [2, 3]);
    expect(crossEntropyWithLogitsLoss(logits, oneHot).item()).to.be.closeTo(expected, 1e-6);
  });

  it('keeps full precision for a small loss and its gradient', () => {
    const x = Tensor.from([16, 0, 1], [1, 3]);
    const rest = Math.exp(-16) + Math.exp(-15);
    const loss = crossEntropyWithLogitsLoss(x.trace(), [0]);
    expect(loss.item()).to.be.closeTo(Math.log1p(rest), 1e-6 * rest);
    const [first, ...others] = backward(loss).get(x)?.data ?? [];
    expect(first).to.be.closeTo(-rest / (1 + rest), 1e-6 * rest);
    expect(others[0] + others[1]).to.be.closeTo(rest, 1e-6 * rest);
  });

  it('refuses mismatched targets', () => {
    const loss = crossEntropyWithLogitsLoss as Untyped;
    expectError(() => loss([1, 2], [0]), TypeError, 'a Tensor for logits');
    expectError(() => loss(Tensor.zeros([3]), [0]), RangeError, 'for logits', '[3]');
    expectError(() => loss(Tensor.zeros([0, 3]), []), RangeError, 'at least one row');
    expectError(() => loss(logits, [0]), RangeError, '2 class indices', 'length 1');
    expectError(() => loss(logits, [0, 3]), RangeError, 'targets[1]', 'below 3', '3');
    expectError(() => loss(logits, [0, -1]), RangeError, 'targets[1]', '-1');
    expectError(() => loss(logits, [0, 0.5]), RangeError, 'targets[1]', '0.5');
    expectError(() => loss(logits, [0, '1']), TypeError, 'targets[1]', '"1"');
    expectError(() => loss(logits, 'ab'), TypeError, 'for targets', '"ab"');
    expectError(() => loss(logits, Tensor.zeros([3, 2])), RangeError, 'for targets', '[3, 2]');
    expectError(() => loss(logits, Tensor.zeros([2, 3]).trace()), TypeError, 'without a tape');
  });
});
