import { backward, Conv2D, type OwnedTape, Tensor, type Tensor4D } from 'batchnorm';
import { expect } from 'chai';
import { backendCalls } from '../../support/backend-calls.js';
import { seeded } from '../../support/random.js';

type Image = Tensor4D<number, number, number, number, OwnedTape>;
type Use = (x: Image) => Tensor<readonly [], OwnedTape>;

const rng = seeded(22);
const image = Tensor.randn([2, 3, 9, 8], { rng });
const wide = new Conv2D(3, 4, 3, { padding: 1, stride: 2, rng });
const dense = new Conv2D(3, 5, 3, { padding: 1, rng });
const pointwise = new Conv2D(3, 4, 1, { stride: 2, rng });
const sparse = new Conv2D(3, 2, 2, { stride: 3, rng });

const uses: Readonly<Record<string, Use>> = {
  'a strided convolution': (x) => wide.forward(x).square().mean(),
  'a convolution': (x) => dense.forward(x).square().mean(),
  'a convolution of every second pixel': (x) => pointwise.forward(x).square().mean(),
  'a convolution with gaps': (x) => sparse.forward(x).square().mean(),
  'an element-wise operation': (x) => x.square().mean(),
};

/** The gradient of an intermediate value that these uses add up to. */
function gradient(...parts: readonly Use[]): readonly number[] {
  const [first, ...rest] = parts;
  const x = image.trace().mul(1);
  let loss = first(x);
  for (const use of rest) loss = loss.add(use(x));
  return [...(backward(loss).get(image)?.data ?? [])];
}

describe('the gradient of a value with several uses', () => {
  for (const [first, useFirst] of Object.entries(uses)) {
    for (const [second, useSecond] of Object.entries(uses)) {
      it(`is the sum of those of ${first} and of ${second}`, () => {
        const [a, b] = [gradient(useFirst), gradient(useSecond)];
        const sum = a.map((value, i) => Math.fround(value + b[i]));
        expect(gradient(useFirst, useSecond)).to.deep.equal(sum);
      });
    }
  }

  it('adds terms from the last use to the first, also those that wait for another one', () => {
    const all = Object.values(uses);
    for (const order of [all, all.toReversed()]) {
      const each = order.map((use) => gradient(use));
      const sum = each.reduceRight((sums, values) => sums.map((value, i) => Math.fround(value + values[i])));
      expect(gradient(...order)).to.deep.equal(sum);
    }
  });

  it('is computed in place by convolutions, without separate additions', () => {
    const calls = (...parts: readonly Use[]) => {
      const x = image.trace().mul(1);
      const [loss, ...rest] = parts.map((use) => use(x));
      const sum = rest.reduce((total, each) => total.add(each), loss);
      const {
        add = 0,
        conv2dInputGradient = 0,
        conv2dAddInputGradient = 0,
      } = backendCalls(() => backward(sum));
      return { add, conv2dInputGradient, conv2dAddInputGradient };
    };
    /** Those beyond the additions of each use: additions, input gradients, and input gradients that are added. */
    const together = (first: Use, second: Use) => {
      const { add, conv2dInputGradient, conv2dAddInputGradient } = calls(first, second);
      return [add - calls(first).add - calls(second).add, conv2dInputGradient, conv2dAddInputGradient];
    };
    const strided = uses['a strided convolution'];
    const point = uses['a convolution of every second pixel'];
    const elementwise = uses['an element-wise operation'];
    expect(together(strided, point)).to.deep.equal([0, 1, 1]);
    expect(together(point, strided)).to.deep.equal([0, 1, 1]);
    expect(together(point, uses['a convolution with gaps'])).to.deep.equal([0, 1, 1]);
    expect(together(point, elementwise)).to.deep.equal([0, 0, 1]);
    expect(together(elementwise, point)).to.deep.equal([0, 0, 1]);
    expect(together(elementwise, elementwise)).to.deep.equal([1, 0, 0]);
  });

  it('leaves the gradient of another value alone that shares its memory', () => {
    const other = Tensor.randn([2, 3, 9, 8], { rng: seeded(23) });
    const x = image.trace().mul(1);
    // The sum passes one gradient to both of its operands before that of the convolution is known.
    const convolved = uses['a convolution'](x);
    const gradients = backward(convolved.add(x.add(other).sum()));
    expect(gradients.get(other)?.data.every((value) => value === 1)).to.equal(true);
    const alone = gradient(uses['a convolution']);
    expect([...(gradients.get(image)?.data ?? [])]).to.deep.equal(
      alone.map((value) => Math.fround(1 + value)),
    );
  });

  it('of a leaf is complete although its only term waited', () => {
    const traced = image.trace();
    const values = backward(uses['a convolution with gaps'](traced)).get(image)?.data ?? [];
    expect([...values]).to.deep.equal(gradient(uses['a convolution with gaps']));
  });
});
