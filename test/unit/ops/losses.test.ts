import {
  backward,
  binaryCrossEntropyWithLogitsLoss,
  huberLoss,
  klDivWithLogitsLoss,
  maeLoss,
  mseLoss,
  type OwnedTape,
  rmseLoss,
  type Shape,
  smoothL1Loss,
  Tensor,
  type Tensor0D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

type Taped = Tensor<Shape, OwnedTape>;
type Loss = (predictions: Taped, targets: Tensor<Shape>) => Tensor0D<OwnedTape>;

type OfPair = (x: number, t: number) => number;

const clamp = (value: number, limit: number) => Math.max(-limit, Math.min(limit, value));

const losses: Record<string, { loss: Loss; reference: OfPair; derivative: OfPair }> = {
  mseLoss: { loss: mseLoss, reference: (x, t) => (x - t) ** 2, derivative: (x, t) => 2 * (x - t) },
  maeLoss: {
    loss: maeLoss,
    reference: (x, t) => Math.abs(x - t),
    derivative: (x, t) => Math.sign(x - t),
  },
  huberLoss: {
    loss: (x, t) => huberLoss(x, t, { delta: 0.5 }),
    reference: (x, t) => {
      const d = Math.abs(x - t);
      return d < 0.5 ? d ** 2 / 2 : 0.5 * (d - 0.25);
    },
    derivative: (x, t) => clamp(x - t, 0.5),
  },
  smoothL1Loss: {
    loss: (x, t) => smoothL1Loss(x, t, { beta: 0.5 }),
    reference: (x, t) => {
      const d = Math.abs(x - t);
      return d < 0.5 ? d ** 2 : d - 0.25;
    },
    derivative: (x, t) => clamp(2 * (x - t), 1),
  },
  binaryCrossEntropyWithLogitsLoss: {
    loss: binaryCrossEntropyWithLogitsLoss,
    reference: (x, t) => Math.max(x, 0) - x * t + Math.log1p(Math.exp(-Math.abs(x))),
    derivative: (x, t) => 1 / (1 + Math.exp(-x)) - t,
  },
};

/** Numbers in [0, 1), so that they are also probabilities. */
const targets = (n: number) => values(seeded(n), n, 0.5, 0.5);

describe('losses', () => {
  for (const [name, { loss, reference, derivative }] of Object.entries(losses)) {
    it(`${name}: is the mean over all values, more than the chunk of a thread`, () => {
      for (const n of [1, 13, 100_000]) {
        const [x, t] = [values(seeded(n + 1), n, 3), targets(n)];
        const expected = x.reduce((sum, value, i) => sum + reference(value, t[i]), 0) / n;
        const input = Tensor.from(x, [n]);
        const found = loss(input.trace(), Tensor.from(t, [n]));
        expectNear([found.item()], [expected], 1e-6 * expected);
        const dx = backward(found).get(input)?.data ?? [];
        expectNear(
          dx,
          Float64Array.from(x, (value, i) => derivative(value, t[i]) / n),
          1e-6 / n,
        );
      }
    });

    it(`${name}: has a gradient that matches finite differences`, () => {
      const x = Tensor.from([-1.9, -0.3, 0.35, 0.9, 2.2, 1.4], [2, 3]);
      const t = Tensor.from([0.1, 0.2, 0.9, 0.45, 0.5, 1], [2, 3]);
      checkGradients(([a]) => loss(a, t), [x], 1e-3);
      checkGradients(([a]) => loss(a, t).mul(3).exp(), [x], 0.05, 1e-3);
    });

    it(`${name}: has the same value without a tape`, () => {
      const [x, t] = [Tensor.from(values(seeded(3), 12), [3, 4]), Tensor.from(targets(12), [3, 4])];
      expect(loss(x as unknown as Taped, t).item()).to.equal(loss(x.trace(), t).item());
      expect(t.array()).to.have.length(3);
    });

    it(`${name}: names invalid arguments`, () => {
      const x = Tensor.zeros([2, 3]).trace();
      expectError(() => loss(x, Tensor.zeros([3, 2])), RangeError, 'for targets', '[2, 3]', '[3, 2]');
      expectError(() => loss(x, x as unknown as Tensor<Shape>), TypeError, 'targets', 'tape');
      expectError(() => loss(x, 5 as never), TypeError, 'a Tensor for targets', '5');
      expectError(() => loss(5 as never, Tensor.zeros([1])), TypeError, 'a Tensor for');
      const empty = Tensor.zeros([0, 3]);
      expectError(() => loss(empty.trace(), empty), RangeError, 'at least one value', '[0, 3]');
    });
  }

  it('rmseLoss is the square root of mseLoss', () => {
    const [x, t] = [Tensor.from(values(seeded(4), 10), [10]), Tensor.from(targets(10), [10])];
    expectNear([rmseLoss(x, t).item()], [Math.sqrt(mseLoss(x, t).item())], 1e-7);
    checkGradients(([a]) => rmseLoss(a, t), [x], 1e-3);
  });

  it('are 0 for equal values, with zero gradients', () => {
    const x = Tensor.from([1, -2, 3], [3]);
    for (const loss of [mseLoss, maeLoss]) {
      expect(backward(loss(x.trace(), x)).get(x)?.array()).to.deep.equal([0, 0, 0]);
    }
  });

  it('propagate NaN', () => {
    const x = Tensor.from([1, NaN], [2]);
    for (const { loss } of Object.values(losses)) {
      const value = loss(x.trace(), Tensor.zeros([2]));
      expect(value.item()).to.be.NaN;
      expect(backward(value).get(x)?.data[1]).to.be.NaN;
    }
  });

  it('huberLoss and smoothL1Loss reject an invalid threshold', () => {
    const x = Tensor.zeros([1]);
    expectError(() => huberLoss(x, x, { delta: 0 }), RangeError, 'positive finite number for delta', '0');
    expectError(() => smoothL1Loss(x, x, { beta: 'a' as never }), TypeError, 'for beta', '"a"');
  });
});

describe('klDivWithLogitsLoss', () => {
  const logits = Tensor.from(values(seeded(5), 12, 2), [4, 3]);
  const probabilities = [0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.1, 0.8, 0, 0.5, 0.5];
  const wanted = Tensor.from(probabilities, [4, 3]);

  it('is the Kullback-Leibler divergence, including classes of probability 0', () => {
    const log = logits.logSoftmax().data;
    const sum = probabilities.reduce((all, t, i) => all + (t && t * (Math.log(t) - log[i])), 0);
    expectNear([klDivWithLogitsLoss(logits, wanted).item()], [sum / 4], 1e-6);
    checkGradients(([x]) => klDivWithLogitsLoss(x.reshape([4, 3]), wanted), [logits], 1e-3);
    const right = klDivWithLogitsLoss(wanted.add(1e-9).log(), wanted).item();
    expect(right).to.be.closeTo(0, 1e-6);
  });

  it('names invalid arguments', () => {
    expectError(() => klDivWithLogitsLoss(logits, [1, 2] as never), TypeError, 'a Tensor for targets');
    expectError(
      () => klDivWithLogitsLoss(logits, Tensor.zeros([4, 4]) as never),
      RangeError,
      '[4, 3]',
      '[4, 4]',
    );
    const empty = Tensor.zeros([0, 3]);
    expectError(() => klDivWithLogitsLoss(empty, empty), RangeError, 'for logits', '[0, 3]');
  });
});
