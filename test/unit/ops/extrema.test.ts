import { backward, type Shape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { count, random, reductionCases, resultIndices } from '../../support/axis-reductions.js';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';

/** Five different values, so that many are equal. */
const coarse = (shape: Shape): Tensor<Shape> => {
  const x = random(shape);
  x.data.set(x.data.map((value) => Math.round(2 * value)));
  return x;
};

function untyped(tensor: Tensor<Shape>, name: string, ...args: unknown[]): () => unknown {
  return () => (tensor as unknown as Record<string, Untyped>)[name].apply(tensor, args);
}

/** The extremum of each result, how many values equal it, and the position of the first among those of its result. */
function reference(x: Tensor<Shape>, axes: readonly number[], sign: number) {
  const to = resultIndices(x.shape, axes);
  const results = count(x.shape.filter((_, axis) => !axes.includes(axis)));
  const extrema = new Float64Array(results).fill(-Infinity * sign);
  const equal = new Float64Array(results);
  const first = new Float64Array(results);
  const seen = new Float64Array(results);
  x.data.forEach((value, i) => {
    const result = to[i];
    if (value * sign > extrema[result] * sign) {
      extrema[result] = value;
      equal[result] = 0;
      first[result] = seen[result];
    }
    if (value === extrema[result]) equal[result]++;
    seen[result]++;
  });
  return { to, extrema, equal, first };
}

for (const [name, argument, sign] of [
  ['max', 'argmax', 1],
  ['min', 'argmin', -1],
] as const) {
  describe(`${name} and ${argument}`, () => {
    for (const [shape, axes] of reductionCases) {
      it(`of [${shape.join(', ')}] over [${axes.join(', ')}]`, () => {
        for (const x of [random(shape), coarse(shape)]) {
          const { to, extrema, equal, first } = reference(x, axes, sign);
          const kept = shape.filter((_, axis) => !axes.includes(axis));
          const y = x[name]({ axes });
          expect(y.shape).to.deep.equal(kept);
          expectNear(y.data, extrema, 0);
          const withOnes = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
          expect(x[name]({ axes, keepDims: true }).shape).to.deep.equal(withOnes);

          const dy = random(kept);
          const dx = backward(x.trace()[name]({ axes }).mul(dy).sum()).get(x);
          expect(dx?.shape).to.deep.equal(shape);
          expectNear(
            dx?.data ?? [],
            Array.from(x.data, (value, i) =>
              value === extrema[to[i]] ? Math.fround(dy.data[to[i]] / equal[to[i]]) : 0,
            ),
            0,
          );

          if (axes.length !== 1) continue;
          const [axis] = axes;
          const indices = x[argument]({ axis: axis - shape.length });
          expect(indices.shape).to.deep.equal(kept);
          expectNear(indices.data, first, 0);
          expect(x[argument]({ axis, keepDims: true }).shape).to.deep.equal(withOnes);
        }
      });
    }

    it('take all values by default', () => {
      const x = coarse([30, 1234]);
      const { extrema, equal, first } = reference(x, [0, 1], sign);
      expect(x[name]().array()).to.equal(extrema[0]);
      expect(x[name]({ keepDims: true }).array()).to.deep.equal([[extrema[0]]]);
      expect(x[argument]().array()).to.equal(first[0]);
      expect(x[argument]({ keepDims: true }).array()).to.deep.equal([[first[0]]]);
      const dx = backward(x.trace()[name]()).get(x);
      expectNear(
        dx?.data ?? [],
        Array.from(x.data, (value) => (value === extrema[0] ? Math.fround(1 / equal[0]) : 0)),
        0,
      );
      const scalar = Tensor.from([3], []);
      expect([scalar[name]().array(), scalar[argument]().array()]).to.deep.equal([3, 0]);
    });

    it('have the gradients of finite differences', () => {
      const x = Tensor.from([0.5, -1, 2, 0.25, 3, -2, 1.5, -0.5], [2, 2, 2]);
      checkGradients(([x]) => x.square()[name]({ axes: 1 }).square().sum(), [x], 5e-2);
      checkGradients(
        ([x]) =>
          x[name]({ axes: [0, 2] })
            .square()
            .sum(),
        [x],
        1e-2,
      );
    });

    it('give NaN where a value is NaN, at any place', () => {
      for (const n of [1, 3, 8, 31, 33, 64, 100, 1500]) {
        for (const at of [0, 1, n >> 1, n - 2, n - 1].filter((i) => i >= 0 && i < n)) {
          const x = random([n]);
          x.data[at] = NaN;
          expect(x[name]().item()).to.deep.equal(NaN);
          expect(x[argument]().item()).to.equal(at);
          const columns = Tensor.from(
            [...x.data].flatMap((value) => [1, value, 2]),
            [n, 3],
          );
          expect(columns[name]({ axes: 0 }).array()).to.deep.equal([1, NaN, 2]);
          expect(columns[argument]({ axis: 0 }).array()).to.deep.equal([0, at, 0]);
        }
      }
      // As PyTorch's amax, which divides by a count of 0.
      const x = Tensor.from([1, NaN, 2, 3, 3, 0], [2, 3]);
      const dx = backward(
        x
          .trace()
          [name]({ axes: 1 })
          .mul(Tensor.from([1, 2], [2]))
          .sum(),
      ).get(x);
      const inSecond = sign > 0 ? [1, 1, 0] : [0, 0, 2];
      expect(dx?.array()).to.deep.equal([[NaN, NaN, NaN], inSecond]);
    });

    it('count signed zeros as equal and find infinities', () => {
      const x = Tensor.from([-0, 0, 0, -0], [2, 2]);
      expect(x[argument]({ axis: 1 }).array()).to.deep.equal([0, 0]);
      expect(backward(x.trace()[name]()).get(x)?.array()).to.deep.equal([
        [0.25, 0.25],
        [0.25, 0.25],
      ]);
      const infinite = Tensor.from([-Infinity, -Infinity, Infinity, Infinity, 0, -Infinity], [3, 2]);
      expect(infinite[name]({ axes: 1 }).array()).to.deep.equal(
        sign > 0 ? [-Infinity, Infinity, 0] : [-Infinity, Infinity, -Infinity],
      );
      expect(infinite[argument]({ axis: 1 }).array()).to.deep.equal(sign > 0 ? [0, 0, 0] : [0, 0, 1]);
      expect(infinite[argument]({ axis: 0 }).array()).to.deep.equal(sign > 0 ? [1, 1] : [0, 0]);
    });

    it('refuse to search nothing', () => {
      const none = Tensor.zeros([2, 0, 3]);
      const message = ['at least one value along the axes', 'shape [2, 0, 3]'];
      expectError(() => none[name](), RangeError, ...message, `for ${name}`);
      expectError(() => none[name]({ axes: [1, 2] }), RangeError, ...message);
      expectError(() => none[argument](), RangeError, ...message, `for ${argument}`);
      expectError(() => none[argument]({ axis: 1 }), RangeError, ...message);
      expect(none[name]({ axes: 0 }).shape).to.deep.equal([0, 3]);
      expect(none[name]({ axes: [0, 2] }).shape).to.deep.equal([0]);
      expect(none[argument]({ axis: 2 }).shape).to.deep.equal([2, 0]);
      expect(
        backward(
          none
            .trace()
            [name]({ axes: [0, 2] })
            .sum(),
        ).get(none)?.shape,
      ).to.deep.equal([2, 0, 3]);
    });

    it('refuse wrong options', () => {
      const x = random([2, 3]);
      expectError(untyped(x, name, { axes: 2 }), RangeError, 'from -2 to 1 (shape [2, 3]) for axes', '2');
      expectError(untyped(x, name, { axes: [0, -2] }), RangeError, 'each axis once for axes', 'axis 0 again');
      expectError(untyped(x, name, { axis: 1 }), TypeError, 'axis');
      expectError(untyped(x, name, 1), TypeError, 'an object for options', '1');
      expectError(untyped(x, name, { keepDims: 'no' }), TypeError, 'a boolean for keepDims', '"no"');
      expectError(
        untyped(x, argument, { axis: -3 }),
        RangeError,
        'from -2 to 1 (shape [2, 3]) for axis',
        '-3',
      );
      expectError(untyped(x, argument, { axis: 0.5 }), RangeError, 'for axis', '0.5');
      expectError(untyped(x, argument, { axis: [0] }), TypeError, 'for axis');
      expectError(untyped(x, argument, { axes: 0 }), TypeError, 'axes');
      expectError(untyped(x, argument, 0), TypeError, 'an object for options', '0');
      expectError(untyped(random([]), argument, { axis: 0 }), RangeError, 'a scalar has no axes');
    });

    it(`${argument} returns a tensor without a tape, and refuses one whose graph was consumed`, () => {
      const x = random([2, 3]).trace();
      const indices = x[argument]({ axis: 1 });
      expect(indices.shape).to.deep.equal([2]);
      expectError(() => backward(indices.sum() as never), TypeError);
      const y = x.square();
      backward(y.sum());
      expectError(() => y[argument](), TypeError);
    });

    it(`${argument} refuses an axis whose indices float32 cannot hold`, () => {
      const x = Tensor.zeros([2 ** 24 + 1]);
      expectError(() => x[argument](), RangeError, 'at most 16777216 values', 'shape [16777217]');
      expect(x[name]().item()).to.equal(0);
    });
  });
}
