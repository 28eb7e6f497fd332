import { AdaptiveAvgPool2D, backward, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const generator = seeded(10);
const random = <const S extends Shape>(shape: S): Tensor<S> =>
  Tensor.from(values(generator, count(shape)), shape);

describe('AdaptiveAvgPool2D', () => {
  it('averages windows that cover the image', () => {
    const x = Tensor.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [1, 3, 5]);
    // Rows 0 to 1 and 1 to 2; columns 0 to 1, 1 to 3 and 3 to 4.
    const expected = [
      [4, 5.5, 7],
      [9, 10.5, 12],
    ];
    expect(new AdaptiveAvgPool2D([2, 3]).forward(x).array()).to.deep.equal([expected]);
  });

  it('is the identity for the size of the image, and the mean for one pixel', () => {
    const x = random([2, 3, 4, 5]);
    expect(new AdaptiveAvgPool2D([4, 5]).forward(x).array()).to.deep.equal(x.array());
    const [mean] = new AdaptiveAvgPool2D(1).forward(x).data;
    const first = [...x.data].slice(0, 20).reduce((a, b) => a + b) / 20;
    expect(mean).to.be.closeTo(first, 1e-6);
  });

  it('repeats pixels where the result is larger', () => {
    const y = new AdaptiveAvgPool2D(2).forward(Tensor.from([7], [1, 1, 1]));
    expect(y.array()).to.deep.equal([
      [
        [7, 7],
        [7, 7],
      ],
    ]);
  });

  it('does not carry infinities into other windows', () => {
    const x = Tensor.from([Infinity, 0, 1, 2], [1, 1, 4]);
    expect(new AdaptiveAvgPool2D([1, 2]).forward(x).array()).to.deep.equal([[[Infinity, 1.5]]]);
  });

  it('has the gradients of finite differences, also where windows overlap', () => {
    checkGradients(
      ([x]) =>
        new AdaptiveAvgPool2D([2, 3])
          .forward(x.reshape([2, 3, 5]))
          .square()
          .sum(),
      [random([30])],
      3e-3,
    );
    const x = random([1, 3, 3]);
    const dx = backward(new AdaptiveAvgPool2D(3).forward(x.trace()).sum()).get(x);
    expect([...(dx?.data ?? [])]).to.deep.equal(new Array(9).fill(1));
  });

  it('refuses wrong sizes and images', () => {
    const make =
      (...args: unknown[]) =>
      () =>
        Reflect.construct(AdaptiveAvgPool2D, args) as unknown;
    expectError(make(0), RangeError, 'for outputSize', '0');
    expectError(make('7'), TypeError, 'for outputSize', '"7"');
    expectError(make([2, 1.5]), RangeError, 'for outputSize[1]', '1.5');
    expectError(make([2]), RangeError, 'for outputSize', 'length 1');
    expectError(make(2, 2), TypeError, 'AdaptiveAvgPool2D');
    const pool = new AdaptiveAvgPool2D(2);
    const forward = (x: unknown) => () => (pool.forward as Untyped).call(pool, x);
    expectError(forward(random([2, 2])), RangeError, 'for x', '[2, 2]');
    expectError(forward(Tensor.zeros([1, 0, 3])), RangeError, 'at least one pixel for x', '[1, 0, 3]');
  });
});
