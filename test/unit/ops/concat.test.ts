import { backward, concat, type Shape, stack, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const generator = seeded(7);
const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(generator, count(shape)), shape);

type Nested = number | readonly Nested[];

/** Joins nested arrays along an axis. */
function reference(parts: readonly Nested[], axis: number): Nested {
  const arrays = parts as readonly (readonly Nested[])[];
  if (axis === 0) return arrays.flat(1);
  return arrays[0].map((_, i) =>
    reference(
      arrays.map((each) => each[i]),
      axis - 1,
    ),
  );
}

const nested = (tensors: readonly Tensor<Shape>[]) => tensors.map((each) => each.array() as Nested);

describe('concat', () => {
  const cases: readonly (readonly [readonly Shape[], number])[] = [
    [[[3]], 0],
    [[[3], [1], [4]], 0],
    [
      [
        [2, 3],
        [4, 3],
      ],
      0,
    ],
    [
      [
        [2, 3],
        [2, 1],
        [2, 4],
      ],
      1,
    ],
    [
      [
        [2, 3, 5],
        [2, 2, 5],
      ],
      1,
    ],
    [
      [
        [2, 0, 5],
        [2, 2, 5],
      ],
      1,
    ],
    [
      [
        [2, 3, 2, 3, 2, 3],
        [2, 3, 2, 3, 2, 1],
      ],
      5,
    ],
  ];
  for (const [shapes, axis] of cases) {
    it(`joins ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')} along axis ${axis}`, () => {
      const tensors = shapes.map(random);
      const y = concat(tensors, { axis });
      expect(y.array()).to.deep.equal(reference(nested(tensors), axis));
      const w = random(y.shape);
      const traced = concat(
        tensors.map((each) => each.trace()),
        { axis },
      );
      const gradients = backward(traced.mul(w).sum());
      const parts = tensors.map((each) => gradients.get(each) ?? each);
      expect(concat(parts, { axis }).array()).to.deep.equal(w.array());
    });
  }

  it('joins along the first axis by default, and counts a negative one from the end', () => {
    const a = random([2, 3]);
    const b = random([2, 3]);
    expect(concat([a, b]).array()).to.deep.equal([...(a.array() as Nested[]), ...(b.array() as Nested[])]);
    expect(concat([a, b], { axis: -1 }).array()).to.deep.equal(concat([a, b], { axis: 1 }).array());
  });

  it('adds the gradients of a tensor that occurs twice', () => {
    const x = Tensor.from([1, 2], [2]);
    const traced = x.trace();
    const y = concat([traced, traced]).mul(Tensor.from([1, 10, 100, 1000], [4]));
    expect([...(backward(y.sum()).get(x)?.data ?? [])]).to.deep.equal([101, 1010]);
  });

  it('has the gradients of finite differences', () => {
    checkGradients(
      ([a, b]) => concat([a, b], { axis: 1 }).square().sum(),
      [random([2, 3]), random([2, 2])],
      2e-3,
    );
  });

  it('refuses tensors that do not fit', () => {
    const call =
      (...args: unknown[]) =>
      () =>
        (concat as Untyped)(...args);
    const a = random([2, 3]);
    expectError(call(a), TypeError, 'an array of tensors for tensors');
    expectError(call([]), RangeError, 'at least one tensor for tensors');
    expectError(call([a, [1, 2]]), TypeError, 'a Tensor for tensors[1]');
    expectError(
      call([a, random([3, 2])]),
      RangeError,
      'shape [2, 3] except for axis 0',
      'tensors[1]',
      '[3, 2]',
    );
    expectError(call([a, random([3])]), RangeError, 'tensors[1]', 'shape [3]');
    expectError(call([a, a], { axis: 2 }), RangeError, 'from -2 to 1', 'for axis');
    expectError(call([a, a], { dim: 0 }), TypeError, 'dim');
    expectError(call([a, a], 1), TypeError, 'for options');
    expectError(call([a, a], {}, 1), TypeError, 'concat');
    expectError(call([random([]), random([])]), RangeError, 'for axis', 'a scalar has no axes');
  });
});

describe('stack', () => {
  for (const axis of [0, 1, 2, -1]) {
    it(`joins along a new axis ${axis}`, () => {
      const tensors = [random([2, 3]), random([2, 3]), random([2, 3]), random([2, 3])];
      const at = axis < 0 ? axis + 3 : axis;
      const shape = [2, 3];
      shape.splice(at, 0, 1);
      const expected = reference(nested(tensors.map((each) => each.reshape(shape))), at);
      const y = stack(tensors, { axis });
      expect(y.array()).to.deep.equal(expected);
      const w = random(y.shape);
      const gradients = backward(
        stack(
          tensors.map((each) => each.trace()),
          { axis },
        )
          .mul(w)
          .sum(),
      );
      const parts = tensors.map((each) => gradients.get(each) ?? each);
      expect(stack(parts, { axis }).array()).to.deep.equal(w.array());
    });
  }

  it('makes a vector of scalars', () => {
    const y = stack([Tensor.from([3], []), Tensor.from([4], [])]);
    expect(y.array()).to.deep.equal([3, 4]);
  });

  it('refuses tensors that do not fit', () => {
    const call =
      (...args: unknown[]) =>
      () =>
        (stack as Untyped)(...args);
    const a = random([2, 3]);
    expectError(call('ab'), TypeError, 'an array of tensors for tensors');
    expectError(call([]), RangeError, 'at least one tensor for tensors');
    expectError(
      call([a, random([2, 4])]),
      RangeError,
      'a tensor of shape [2, 3] for tensors[1]',
      'shape [2, 4]',
    );
    expectError(call([a], { axis: 3 }), RangeError, 'from -3 to 2', 'for axis');
    expectError(call([a], {}, 1), TypeError, 'stack');
  });
});
