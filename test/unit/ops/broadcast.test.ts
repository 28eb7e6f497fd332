import { backward, type Shape, Tensor, where } from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const generator = seeded(8);
const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = (shape: Shape): Tensor<Shape> => Tensor.from(values(generator, count(shape)), shape);

/** Indices of a repeated tensor's values, by numpy's rules. */
function indices(from: Shape, to: Shape): readonly number[] {
  return Array.from({ length: count(to) }, (_, i) => {
    let index = 0;
    let stride = 1;
    let rest = i;
    for (let back = 1; back <= to.length; back++) {
      const position = rest % (to.at(-back) ?? 1);
      rest = Math.floor(rest / (to.at(-back) ?? 1));
      const size = from.at(-back) ?? 1;
      if (back <= from.length && size > 1) index += position * stride;
      stride *= back <= from.length ? size : 1;
    }
    return index;
  });
}

describe('broadcasting', () => {
  const cases: readonly (readonly [left: Shape, right: Shape, result: Shape])[] = [
    [
      [2, 3],
      [2, 1],
      [2, 3],
    ],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [[3], [4, 3], [4, 3]],
    [[], [2, 3], [2, 3]],
    [[1], [], [1]],
    [
      [5, 1, 4],
      [3, 1],
      [5, 3, 4],
    ],
    [
      [2, 3, 4, 5],
      [3, 1, 1],
      [2, 3, 4, 5],
    ],
    [
      [2, 1, 2, 1, 2, 1, 2],
      [3, 1, 3, 1, 3, 1],
      [2, 3, 2, 3, 2, 3, 2],
    ],
    [
      [1, 3],
      [0, 1],
      [0, 3],
    ],
  ];
  for (const [left, right, shape] of cases) {
    it(`[${left.join(', ')}] with [${right.join(', ')}]`, () => {
      const a = random(left);
      const b = random(right);
      const difference = a.sub(b);
      expect(difference.shape).to.deep.equal(shape);
      const ofA = indices(left, shape);
      const ofB = indices(right, shape);
      const expected = Array.from(ofA, (index, i) => Math.fround(a.data[index] - b.data[ofB[i]]));
      expect([...difference.data]).to.deep.equal(expected);

      // The gradients of sum((a - b) * w): w summed over the repetitions of each value.
      const w = Tensor.from(
        Array.from(ofA, (_, i) => (i % 7) - 3),
        shape,
      );
      const gradients = backward(a.trace().sub(b.trace()).mul(w).sum());
      for (const [tensor, indexes, sign] of [
        [a, ofA, 1],
        [b, ofB, -1],
      ] as const) {
        const sums = new Array<number>(tensor.data.length).fill(0);
        indexes.forEach((index, i) => {
          sums[index] += sign * w.data[i];
        });
        const gradient = gradients.get(tensor);
        expect(gradient?.shape).to.deep.equal(tensor.shape);
        expect(Array.from(gradient?.data ?? [], (each) => each + 0)).to.deep.equal(
          sums.map((each) => each + 0),
        );
      }
    });
  }

  it('has the gradients of finite differences', () => {
    checkGradients(([a, b]) => a.mul(b).square().sum(), [random([2, 1, 3]), random([4, 1])], 3e-3);
    checkGradients(([a, b]) => a.div(b.square().add(1)).square().sum(), [random([3]), random([2, 1])], 3e-3);
  });

  it('refuses results that no array can hold, and ends at once for those without values', () => {
    const long = Tensor.zeros([2 ** 17]);
    expectError(
      () => long.reshape([2 ** 17, 1]).add(long),
      RangeError,
      'at most 4294967296 values for the result',
      '[131072, 131072]',
    );
    const empty = Tensor.zeros([2 ** 40, 1, 0]);
    expectError(() => empty.add(Tensor.zeros([2 ** 40, 0])), RangeError, 'for the result');
    const row = Tensor.zeros([1, 1, 0]);
    const dx = backward(empty.mul(row.trace()).sum()).get(row);
    expect(dx?.shape).to.deep.equal([1, 1, 0]);
  });

  it('records an operand that has a tape beside one without', () => {
    const a = Tensor.from([1, 2], [2, 1]);
    const b = Tensor.from([10, 20, 30], [3]);
    expect(backward(a.trace().mul(b).sum()).get(a)?.array()).to.deep.equal([[60], [60]]);
    expect(backward(a.mul(b.trace()).sum()).get(b)?.array()).to.deep.equal([3, 3, 3]);
  });

  it('computes gradients of operands without a tape, such as parameters', () => {
    const x = random([2, 3, 4]).trace();
    for (const shape of [[3, 1], [2, 1, 1], [1, 3, 4], [1], [4], []]) {
      const parameter = random(shape);
      const onRight = backward(x.detach().trace().add(parameter).sum()).get(parameter);
      const onLeft = backward(parameter.add(x.detach().trace()).sum()).get(parameter);
      for (const gradient of [onRight, onLeft]) {
        expect(gradient?.shape).to.deep.equal(shape);
        expect([...(gradient?.data ?? [])]).to.deep.equal(
          new Array<number>(count(shape)).fill(24 / count(shape)),
        );
      }
    }
    const replacement = random([3, 1]);
    const chosen = where(x.detach().mul(0), x, replacement);
    expect(backward(chosen.sum()).get(replacement)?.array()).to.deep.equal([[8], [8], [8]]);
  });
});
