import { backward, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

describe('reshape with a size of -1', () => {
  const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);

  it('chooses the size with which the number of values fits', () => {
    expect(x.reshape([-1]).shape).to.deep.equal([6]);
    expect(x.reshape([3, -1]).array()).to.deep.equal([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(x.reshape([-1, 1, 6]).shape).to.deep.equal([1, 1, 6]);
    expect(Tensor.ones([]).reshape([-1]).shape).to.deep.equal([1]);
    expect(Tensor.zeros([0, 3]).reshape([-1, 5]).shape).to.deep.equal([0, 5]);
  });

  it('shares the values, and returns gradients in the shape of the input', () => {
    x.reshape([-1]).data[0] = 7;
    expect(x.data[0]).to.equal(7);
    x.data[0] = 1;
    const weights = Tensor.from([1, 2, 3, 4, 5, 6], [6]);
    const gradients = backward(x.trace().reshape([-1]).mul(weights).sum());
    expect(gradients.get(x)?.shape).to.deep.equal([2, 3]);
    expect([...(gradients.get(x)?.data ?? [])]).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('refuses sizes that do not fit, by name', () => {
    expectError(() => x.reshape([4, -1]), RangeError, 'shape', '6 values (shape [2, 3])', '[4, -1]');
    expectError(() => x.reshape([-1, -1]), RangeError, 'at most one size of -1', '[-1, -1]');
    expectError(() => x.reshape([-1, 0]), RangeError, '6 values', '[-1, 0]');
    expectError(() => Tensor.zeros([0]).reshape([-1, 0]), RangeError, '0 values', '[-1, 0]');
    expectError(() => x.reshape([-2, -1]), RangeError, 'shape[0]', '-2');
    expectError(() => x.reshape([-1, 1.5]), RangeError, 'shape[1]', '1.5');
    expect(x.shape).to.deep.equal([2, 3]);
  });
});
