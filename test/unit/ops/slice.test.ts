import { backward, type Shape, type SliceOptions, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(seeded(6), count(shape)), shape);

type Nested = number | readonly Nested[];

/** The same by JavaScript's own slices of nested arrays. */
function reference(nested: Nested, options: SliceOptions): Nested {
  if (typeof nested === 'number') return nested;
  const { axis, start = 0, end, step = 1 } = options;
  if (axis > 0) return nested.map((each) => reference(each, { ...options, axis: axis - 1 }));
  return nested.slice(start, end).filter((_, i) => i % step === 0);
}

describe('slice', () => {
  const cases: readonly (readonly [Shape, SliceOptions])[] = [
    [[7], { axis: 0 }],
    [[7], { axis: 0, start: 2 }],
    [[7], { axis: 0, start: -3, end: -1 }],
    [[7], { axis: 0, start: -100, end: 100, step: 3 }],
    [[7], { axis: 0, step: 10 }],
    [[4, 5], { axis: 0, start: 1, end: 3 }],
    [[4, 5], { axis: 1, start: 1, end: 4, step: 2 }],
    [[3, 4, 5], { axis: 1, start: 3 }],
    [[3, 4, 5], { axis: 2, end: 2 }],
    [[2, 3, 2, 3, 2, 3, 2], { axis: 3, start: 1, step: 2 }],
  ];
  for (const [shape, options] of cases) {
    it(`slice [${shape.join(', ')}] by ${JSON.stringify(options)}`, () => {
      const x = random(shape);
      const y = x.slice(options);
      const expected = reference(x.array() as Nested, options);
      expect(y.array()).to.deep.equal(expected);
      // The gradient of sum(y * w) is w where x was taken, 0 elsewhere.
      const w = random(y.shape);
      const dx = backward(x.trace().slice(options).mul(w).sum()).get(x);
      expect(dx?.slice(options).array()).to.deep.equal(w.array());
      const taken = dx?.data.filter((each) => each !== 0);
      expect(taken).to.have.length(w.data.filter((each) => each !== 0).length);
    });
  }

  it('counts a negative axis from the end', () => {
    const x = random([3, 4, 5]);
    expect(x.slice({ axis: -1, start: 1 }).array()).to.deep.equal(x.slice({ axis: 2, start: 1 }).array());
  });

  it('may be empty', () => {
    const x = random([3, 4]);
    expect(x.slice({ axis: 1, start: 2, end: 2 }).shape).to.deep.equal([3, 0]);
    expect(x.slice({ axis: 0, start: 9 }).shape).to.deep.equal([0, 4]);
    const dx = backward(x.trace().slice({ axis: 1, start: 3, end: 1 }).sum()).get(x);
    expect([...(dx?.data ?? [])]).to.deep.equal(new Array(12).fill(0));
  });

  it('has the gradients of finite differences', () => {
    checkGradients(
      ([x]) => x.slice({ axis: 1, start: 1, step: 2 }).square().sum(),
      [random([2, 5, 2])],
      2e-3,
    );
  });

  it('refuses wrong options', () => {
    const x = random([2, 3]);
    const call =
      (...args: unknown[]) =>
      () =>
        (x.slice as Untyped).apply(x, args);
    expectError(call(), TypeError, 'for axis', 'undefined');
    expectError(call(1), TypeError, 'for options', '1');
    expectError(call({ axis: 2 }), RangeError, 'from -2 to 1', 'for axis', '2');
    expectError(call({ axis: 0, begin: 1 }), TypeError, 'begin');
    expectError(call({ axis: 0, start: 0.5 }), RangeError, 'an integer for start', '0.5');
    expectError(call({ axis: 0, end: '1' }), TypeError, 'an integer for end', '"1"');
    expectError(call({ axis: 0, end: NaN }), RangeError, 'an integer for end', 'NaN');
    expectError(call({ axis: 0, step: 0 }), RangeError, 'for step', '0');
    expectError(call({ axis: 0, step: -1 }), RangeError, 'for step', '-1');
  });
});
