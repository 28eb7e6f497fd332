import { AdaptiveAvgPool1D, AvgPool1D, backward, MaxPool1D, Sequential, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const x = Tensor.from([3, 1, 2, 5, 4, 0, 7, -1, -2, -3], [2, 5]);
const make = (Class: unknown, ...given: unknown[]) => (Reflect.construct as Untyped)(Class, given) as object;
const forward = (pool: object, input: unknown) =>
  (pool as { forward: Untyped }).forward(input) as Tensor<Shape>;

describe('MaxPool1D and AvgPool1D', () => {
  it('pool signals with and without an axis of samples', () => {
    expect(new MaxPool1D(2).forward(x).array()).to.deep.equal([
      [3, 2, 5, 5],
      [7, 7, -1, -2],
    ]);
    const samples = x.reshape([1, 2, 5]);
    expect(new AvgPool1D(2, { stride: 2 }).forward(samples).array()).to.deep.equal([
      [
        [2, 3.5],
        [3.5, -1.5],
      ],
    ]);
    expect(new AvgPool1D(2, { stride: 2, ceilMode: true }).forward(x).array()).to.deep.equal([
      [2, 3.5, 4],
      [3.5, -1.5, -3],
    ]);
    const padded = (countIncludePad: boolean) =>
      new AvgPool1D(2, { stride: 5, padding: 1, countIncludePad }).forward(x).array();
    expect(padded(true)).to.deep.equal([
      [1.5, 2],
      [0, -1.5],
    ]);
    expect(padded(false)).to.deep.equal([
      [3, 4],
      [0, -3],
    ]);
    expect(new MaxPool1D(2, { dilation: 4 }).forward(x).array()).to.deep.equal([[4], [0]]);
    expect(new MaxPool1D(3, { stride: 2, padding: 1 }).forward(x).array()).to.deep.equal([
      [3, 5, 5],
      [7, 7, -2],
    ]);
  });

  it('have the gradients that finite differences find', () => {
    const input = Tensor.from(values(seeded(4), 2 * 3 * 9), [2, 3, 9]);
    const weights = Tensor.from(values(seeded(5), 2 * 3 * 5), [2, 3, 5]);
    for (const pool of [
      new AvgPool1D(3, { stride: 2, padding: 1 }),
      new AvgPool1D(3, { stride: 2, padding: 1, countIncludePad: false }),
      new AdaptiveAvgPool1D(5),
    ]) {
      checkGradients(
        ([a]) =>
          pool
            .forward(a.reshape([2, 3, 9]))
            .mul(weights)
            .sum(),
        [input],
        2e-3,
      );
    }
    const y = new MaxPool1D(3, { stride: 2 }).forward(x.trace());
    expect(backward(y.sum()).get(x)?.array()).to.deep.equal([
      [1, 0, 0, 1, 0],
      [0, 1, 1, 0, 0],
    ]);
  });

  it('run in a Sequential and are cloned', () => {
    const net = new Sequential(new MaxPool1D(2), new AvgPool1D(2, { stride: 2 }), new AdaptiveAvgPool1D(1));
    const copy = net.clone();
    expect(copy.forward(x).array()).to.deep.equal(net.forward(x).array());
    expect(net.forward(x).array()).to.deep.equal([[3.75], [2.75]]);
  });

  it('name invalid arguments', () => {
    for (const Class of [MaxPool1D, AvgPool1D]) {
      expectError(() => make(Class, [2, 2]), TypeError, 'a positive integer for kernelSize', 'of length 2');
      expectError(() => make(Class, 0), RangeError, 'for kernelSize', '0');
      expectError(() => make(Class, 2, { stride: [1, 1] }), TypeError, 'for stride');
      expectError(() => make(Class, 2, { padding: 2 }), RangeError, 'below kernelSize, 2', 'padding', '2');
      expectError(() => make(Class, 2, { ceilMode: 'yes' }), TypeError, 'for ceilMode', '"yes"');
      const pool = make(Class, 5, { padding: 1 });
      expectError(
        () => forward(pool, Tensor.zeros([3, 2])),
        RangeError,
        'signals of at least 3 values',
        '[3, 2]',
      );
      expectError(() => forward(pool, Tensor.zeros([3])), RangeError, '[C, L]', '[3]');
      expectError(() => forward(pool, Tensor.zeros([1, 2, 3, 4])), RangeError, '[N, C, L]', '[1, 2, 3, 4]');
    }
    expectError(() => make(MaxPool1D, 2, { dilation: 0 }), RangeError, 'for dilation', '0');
    expectError(() => make(AvgPool1D, 2, { dilation: 2 }), TypeError, 'dilation');
  });
});

describe('AdaptiveAvgPool1D', () => {
  it('averages windows that cover the signal', () => {
    // Values 0 to 1, 1 to 3 and 3 to 4.
    expect(new AdaptiveAvgPool1D(3).forward(x).array()).to.deep.equal(
      [
        [2, 8 / 3, 4.5],
        [3.5, 4 / 3, -2.5],
      ].map((row) => row.map(Math.fround)),
    );
    expect(new AdaptiveAvgPool1D(5).forward(x).array()).to.deep.equal(x.array());
  });

  it('names invalid arguments', () => {
    expectError(() => make(AdaptiveAvgPool1D, 0), RangeError, 'for outputSize', '0');
    expectError(() => make(AdaptiveAvgPool1D, [2]), TypeError, 'for outputSize', 'of length 1');
    const pool = new AdaptiveAvgPool1D(2);
    expectError(() => forward(pool, Tensor.zeros([2, 0])), RangeError, 'at least one value', '[2, 0]');
    expectError(() => forward(pool, Tensor.zeros([2])), RangeError, '[C, L]', '[2]');
  });
});
