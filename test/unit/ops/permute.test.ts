import { backward, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(seeded(5), count(shape)), shape);

/** Permutes by indices alone. */
function reference({ shape, data }: Tensor<Shape>, axes: readonly number[]) {
  const to = axes.map((axis) => shape[axis]);
  const strides = shape.map((_, axis) => count(shape.slice(axis + 1)));
  return Array.from({ length: count(to) }, (_, i) => {
    let rest = i;
    let from = 0;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += (rest % to[axis]) * strides[axes[axis]];
      rest = Math.floor(rest / to[axis]);
    }
    return data[from];
  });
}

describe('permute and transpose', () => {
  const cases: readonly (readonly [Shape, readonly number[]])[] = [
    [[], []],
    [[5], [0]],
    [
      [37, 41],
      [1, 0],
    ],
    [
      [300, 270],
      [1, 0],
    ],
    [
      [2, 3, 4],
      [0, 1, 2],
    ],
    [
      [3, 17, 19, 5],
      [0, 2, 3, 1],
    ],
    [
      [3, 17, 19, 5],
      [3, 2, 1, 0],
    ],
    [
      [2, 1, 3, 4, 5],
      [4, 0, 3, 1, 2],
    ],
    [
      [2, 3, 2, 3, 2, 3, 2],
      [6, 5, 4, 3, 2, 1, 0],
    ],
    [
      [2, 0, 3],
      [2, 1, 0],
    ],
  ];
  for (const [shape, axes] of cases) {
    it(`permute [${shape.join(', ')}] to the order [${axes.join(', ')}]`, () => {
      const x = random(shape);
      const y = x.permute(axes);
      expect(y.shape).to.deep.equal(axes.map((axis) => shape[axis]));
      expect([...y.data]).to.deep.equal(reference(x, axes));
      // The gradient of sum(y * w) is w in the order of x.
      const w = random(y.shape);
      const dx = backward(x.trace().permute(axes).mul(w).sum()).get(x);
      expect([...(dx?.permute(axes).data ?? [])]).to.deep.equal([...w.data]);
    });
  }

  it('count negative axes from the end', () => {
    const x = random([2, 3, 4]);
    expect(x.permute([-1, 0, -2]).array()).to.deep.equal(x.permute([2, 0, 1]).array());
    expect(x.transpose().array()).to.deep.equal(x.permute([0, 2, 1]).array());
    expect(x.transpose(0).array()).to.deep.equal(x.permute([2, 1, 0]).array());
    expect(x.transpose(-3, 1).array()).to.deep.equal(x.permute([1, 0, 2]).array());
    expect(x.transpose(1, 1).array()).to.deep.equal(x.array());
  });

  it('have the gradients of finite differences', () => {
    checkGradients(([x]) => x.permute([2, 0, 1]).square().sum(), [random([2, 3, 4])], 2e-3);
    checkGradients(
      ([x]) =>
        x
          .transpose()
          .mul(random([3, 2]))
          .sum(),
      [random([2, 3])],
      1e-3,
    );
  });

  it('refuse wrong axes', () => {
    const x = random([2, 3]);
    const call =
      (name: 'permute' | 'transpose', ...args: unknown[]) =>
      () =>
        (x[name] as Untyped).apply(x, args);
    expectError(call('permute', 'ab'), TypeError, 'an array of axes for axes', '"ab"');
    expectError(call('permute', [0]), RangeError, '2 axes of shape [2, 3] for axes', '1 axes');
    expectError(call('permute', [0, 0]), RangeError, 'each axis once for axes', 'axis 0 at 0 and 1');
    expectError(call('permute', [1, -1]), RangeError, 'each axis once for axes', 'axis 1 at 0 and 1');
    expectError(call('permute', [0, 2]), RangeError, 'from -2 to 1', 'for axes[1]', 'received 2');
    expectError(call('permute', [0, 0.5]), RangeError, 'for axes[1]', '0.5');
    expectError(call('permute', [0, '1']), TypeError, 'for axes[1]', '"1"');
    expectError(call('transpose', -3, 0), RangeError, 'for axis1', '-3');
    expectError(call('transpose', 0, null), TypeError, 'for axis2', 'null');
    expectError(() => random([2]).transpose(), RangeError, 'at least two axes', 'shape [2]');
  });
});
