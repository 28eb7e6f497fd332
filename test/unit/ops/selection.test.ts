import { backward, type Shape, Tensor, where } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const generator = seeded(9);
const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(generator, count(shape)), shape);
const special = [-Infinity, -1, -0, 0, 1, Infinity, NaN];
const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
const left = Tensor.from(
  pairs.map(([a]) => a),
  [pairs.length],
);
const right = Tensor.from(
  pairs.map(([, b]) => b),
  [pairs.length],
);

describe('maximum and minimum', () => {
  it('follow JavaScript for every pair of special values, with operands of each kind', () => {
    // Math.max and Math.min propagate NaN, too; + 0, because either zero may come out.
    const plain = (x: Tensor<Shape>) => Array.from(x.data, (each) => each + 0);
    const maxima = pairs.map(([a, b]) => Math.max(a, b) + 0);
    const minima = pairs.map(([a, b]) => Math.min(a, b) + 0);
    expect(plain(left.maximum(right))).to.deep.equal(maxima);
    expect(plain(left.minimum(right))).to.deep.equal(minima);
    for (const b of special) {
      const expected = pairs.map(([a]) => Math.max(a, b) + 0);
      expect(plain(left.maximum(b))).to.deep.equal(expected);
      expect(plain(Tensor.from([b], []).maximum(left))).to.deep.equal(expected);
    }
  });

  it('pass the gradient to the operand that was taken, and share it between equal ones', () => {
    const a = Tensor.from([1, 5, 3, NaN], [4]);
    const b = Tensor.from([2, 4, 3, 0], [4]);
    const dy = Tensor.from([1, 10, 100, 1000], [4]);
    const of = (name: 'maximum' | 'minimum') => {
      const gradients = backward(a.trace()[name](b.trace()).mul(dy).sum());
      return [gradients.get(a)?.array(), gradients.get(b)?.array()];
    };
    expect(of('maximum')).to.deep.equal([
      [0, 10, 50, 1000],
      [1, 0, 50, 1000],
    ]);
    expect(of('minimum')).to.deep.equal([
      [1, 0, 50, 1000],
      [0, 10, 50, 1000],
    ]);
  });

  it('have the gradients of finite differences, also where shapes broadcast', () => {
    checkGradients(([a, b]) => a.maximum(b).square().sum(), [random([3, 4]), random([3, 1])], 3e-3);
    checkGradients(([a, b]) => a.minimum(b).square().sum(), [random([2, 3]), random([3])], 3e-3);
  });
});

describe('comparisons', () => {
  const operators = {
    less: (a: number, b: number) => a < b,
    lessEqual: (a: number, b: number) => a <= b,
    greater: (a: number, b: number) => a > b,
    greaterEqual: (a: number, b: number) => a >= b,
    equal: (a: number, b: number) => a === b,
    notEqual: (a: number, b: number) => a !== b,
  };
  for (const [name, operator] of Object.entries(operators) as [
    keyof typeof operators,
    typeof operators.less,
  ][]) {
    it(`${name} is JavaScript's operator, 1 or 0`, () => {
      const expected = pairs.map(([a, b]) => Number(operator(a, b)));
      expect(left[name](right).array()).to.deep.equal(expected);
      for (const b of special) {
        expect(left[name](b).array()).to.deep.equal(pairs.map(([a]) => Number(operator(a, b))));
      }
      const table = left.reshape([7, 7])[name](Tensor.from(special, [7, 1]));
      expect(table.array().flat()).to.deep.equal(
        pairs.map(([a], i) => Number(operator(a, special[Math.floor(i / 7)]))),
      );
    });
  }

  it('return tensors without a tape', () => {
    const x = random([3]);
    const mask = x.trace().greater(0);
    expect(mask.mul(2).shape).to.deep.equal([3]);
    expectError(() => backward(mask.sum() as never), TypeError, 'tape');
    // The traced operand is still usable.
    const traced = x.trace();
    traced.less(traced.mul(2));
    expect(backward(traced.sum()).get(x)?.array()).to.deep.equal([1, 1, 1]);
  });

  it('refuse what is neither a number nor a tensor that fits', () => {
    const x = random([2, 3]);
    const less = (other?: unknown) => () => (x.less as Untyped).call(x, other);
    expectError(less('1'), TypeError, 'a number or a Tensor for other');
    expectError(less(), TypeError, 'for other');
    expectError(less(random([2])), RangeError, 'broadcasts with [2, 3]', '[2]');
  });
});

describe('where', () => {
  it('takes values by a condition, of which only 0 is false', () => {
    const condition = Tensor.from([0, -0, 1, -2, NaN, Infinity], [6]);
    const y = where(condition, Tensor.from([1, 2, 3, 4, 5, 6], [6]), -1);
    expect(y.array()).to.deep.equal([-1, -1, 3, 4, 5, 6]);
  });

  it('does not mix in the values that were not taken', () => {
    const y = where(Tensor.from([1, 0], [2]), Tensor.from([3, NaN], [2]), Tensor.from([Infinity, 4], [2]));
    expect(y.array()).to.deep.equal([3, 4]);
  });

  it('broadcasts all three', () => {
    const y = where(
      Tensor.from([1, 0], [2, 1]),
      Tensor.from([1, 2, 3], [3]),
      Tensor.from([[[7]], [[8]]], [2, 1, 1]),
    );
    expect(y.array()).to.deep.equal([
      [
        [1, 2, 3],
        [7, 7, 7],
      ],
      [
        [1, 2, 3],
        [8, 8, 8],
      ],
    ]);
  });

  it('passes each gradient where the values were taken', () => {
    const a = Tensor.from([1, 2, 3], [3]);
    const b = Tensor.from([4], [1]);
    const condition = Tensor.from([1, 0, 0], [3]);
    const y = where(condition, a.trace(), b.trace()).mul(Tensor.from([1, 10, 100], [3]));
    const gradients = backward(y.sum());
    expect(gradients.get(a)?.array()).to.deep.equal([1, 0, 0]);
    expect(gradients.get(b)?.array()).to.deep.equal([110]);
    checkGradients(([p, q]) => where(p.greater(q), p.square(), q).sum(), [random([2, 3]), random([3])], 3e-3);
  });

  it('refuses wrong arguments', () => {
    const call =
      (...args: unknown[]) =>
      () =>
        (where as Untyped)(...args);
    const x = random([2, 3]);
    expectError(call(1, x, x), TypeError, 'a Tensor for condition');
    expectError(call(x, 'a', x), TypeError, 'a number or a Tensor for a');
    expectError(call(x, x), TypeError, 'a number or a Tensor for b');
    expectError(call(x, random([2]), x), RangeError, 'for a', 'broadcasts with [2, 3]');
    expectError(call(x, x, random([4, 1])), RangeError, 'for b', 'broadcasts with [2, 3]');
    expectError(call(x, x, x, x), TypeError, 'where');
  });
});

describe('clamp', () => {
  it('limits values on one side or both, and keeps NaN', () => {
    const x = Tensor.from([-3, -1, 0, 2, NaN, Infinity], [6]);
    expect(x.clamp({ min: -1, max: 1 }).array()).to.deep.equal([-1, -1, 0, 1, NaN, 1]);
    expect(x.clamp({ min: 0 }).array()).to.deep.equal([0, 0, 0, 2, NaN, Infinity]);
    expect(x.clamp({ max: 0 }).array()).to.deep.equal([-3, -1, 0, 0, NaN, 0]);
  });

  it('passes the gradient between the bounds, which belong to it, as in PyTorch', () => {
    const x = Tensor.from([-3, -1, 0, 1, 2], [5]);
    const dx = backward(x.trace().clamp({ min: -1, max: 1 }).sum()).get(x);
    expect(dx?.array()).to.deep.equal([0, 1, 1, 1, 0]);
  });

  it('refuses wrong bounds', () => {
    const x = random([2]);
    const clamp =
      (...args: unknown[]) =>
      () =>
        (x.clamp as Untyped).apply(x, args);
    expectError(clamp({ min: 2, max: 1 }), RangeError, 'at least min (2) for max', '1');
    expectError(clamp({ min: '0' }), TypeError, 'a number for min');
    expectError(clamp({ max: NaN }), RangeError, 'a number for max', 'NaN');
    expectError(clamp({ lower: 0 }), TypeError, 'lower');
    expectError(clamp(0, 1), TypeError, 'clamp');
    expectError(clamp(), TypeError, 'an object with min or max for options', 'undefined');
  });
});

describe('pow', () => {
  it('is that of double precision, rounded', () => {
    const x = Tensor.from([0.5, 1, 2, 3.75, 0, -2], [6]);
    for (const exponent of [2, 3, -1, 0.5, 1.7, 0]) {
      const expected = Array.from(x.data, (each) => Math.fround(Math.pow(each, exponent)));
      expect([...x.pow(exponent).data], `${exponent}`).to.deep.equal(expected);
    }
  });

  it('has the gradients of finite differences, and none for the exponent 0', () => {
    const positive = random([2, 3]).abs().add(0.5);
    for (const exponent of [2, 3, -1, 0.5, 1.7]) {
      checkGradients(([x]) => x.pow(exponent).sum(), [positive], 5e-3);
    }
    const zero = Tensor.from([0, 2], [2]);
    expect(backward(zero.trace().pow(0).sum()).get(zero)?.array()).to.deep.equal([0, 0]);
    expect(backward(zero.trace().pow(1).sum()).get(zero)?.array()).to.deep.equal([1, 1]);
  });

  it('refuses anything but a finite number', () => {
    const x = random([2]);
    expectError(() => (x.pow as Untyped).call(x, '2'), TypeError, 'for exponent');
    expectError(() => x.pow(Infinity), RangeError, 'for exponent');
  });
});
