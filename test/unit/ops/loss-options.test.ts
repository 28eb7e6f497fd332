import {
  backward,
  binaryCrossEntropyWithLogitsLoss,
  huberLoss,
  type LossReduction,
  maeLoss,
  mseLoss,
  type OwnedTape,
  type Shape,
  smoothL1Loss,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

type Taped = Tensor<Shape, OwnedTape>;
type Loss = (x: Taped, t: Tensor<Shape>, reduction: LossReduction) => Taped;

const losses: Record<string, Loss> = {
  mseLoss: (x, t, reduction) => mseLoss(x, t, { reduction }),
  maeLoss: (x, t, reduction) => maeLoss(x, t, { reduction }),
  huberLoss: (x, t, reduction) => huberLoss(x, t, { delta: 0.5, reduction }),
  smoothL1Loss: (x, t, reduction) => smoothL1Loss(x, t, { beta: 0.5, reduction }),
  binaryCrossEntropyWithLogitsLoss: (x, t, reduction) =>
    binaryCrossEntropyWithLogitsLoss(x, t, { reduction }),
  'binaryCrossEntropyWithLogitsLoss with posWeight': (x, t, reduction) =>
    binaryCrossEntropyWithLogitsLoss(x, t, { reduction, posWeight: 2.5 }),
};

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const predictions = Tensor.from([-1.9, -0.35, 0.35, 0.9, 2.2, 1.4], [2, 3]) as Tensor<Shape>;
const targets = Tensor.from([0.1, 0.2, 0.9, 0.45, 0.5, 1], [2, 3]) as Tensor<Shape>;

describe('reductions of losses', () => {
  for (const [name, loss] of Object.entries(losses)) {
    it(`${name}: the mean and the sum are those of the losses, beyond the chunk of a thread`, () => {
      for (const n of [1, 13, 100_000]) {
        const x = Tensor.from(values(seeded(n + 1), n, 3), [n]);
        const t = Tensor.from(values(seeded(n), n, 0.5, 0.5), [n]);
        const each = loss(x.trace(), t, 'none');
        expect(each.shape).to.deep.equal([n]);
        const total = each.data.reduce((sum, value) => sum + value, 0);
        expectNear(loss(x.trace(), t, 'sum').data, [total], 1e-5 * total);
        expectNear(loss(x.trace(), t, 'mean').data, [total / n], (1e-5 * total) / n);
        const single = loss(
          x.slice({ axis: 0, start: n - 1 }).trace(),
          t.slice({ axis: 0, start: n - 1 }),
          'sum',
        );
        expectNear([each.data[n - 1]], single.data, 1e-6 * Math.abs(single.data[0]));
      }
    });

    it(`${name}: has gradients that match finite differences for each reduction`, () => {
      checkGradients(([a]) => loss(a, targets, 'sum').sum(), [predictions], 5e-3);
      checkGradients(([a]) => loss(a, targets, 'sum').mul(0.3).exp().sum(), [predictions], 0.2, 1e-3);
      const factors = Tensor.from([0.5, -1, 2, 0, 1, 3], [2, 3]);
      checkGradients(([a]) => loss(a, targets, 'none').mul(factors).sum(), [predictions], 1e-2);
      checkGradients(([a]) => loss(a, targets, 'none').sum(), [predictions], 5e-3);
    });

    it(`${name}: is bit-identical to the sum without a tape, and returns its memory`, () => {
      const step = () => {
        for (const reduction of ['mean', 'sum', 'none'] as const) {
          const untaped = loss(predictions as never, targets, reduction);
          const taped = loss(predictions.trace(), targets, reduction);
          expect([...untaped.data]).to.deep.equal([...taped.data]);
          backward(taped.sum()).get(predictions)?.dispose();
        }
      };
      step();
      const { bytes } = storagePool;
      step();
      expect(storagePool.bytes).to.equal(bytes);
    });
  }

  it('mean is the default, with the same bits', () => {
    for (const loss of [mseLoss, maeLoss, huberLoss, smoothL1Loss, binaryCrossEntropyWithLogitsLoss]) {
      const plain = loss(predictions, targets).item();
      expect(loss(predictions, targets, {}).item()).to.equal(plain);
      expect(loss(predictions, targets, { reduction: 'mean' }).item()).to.equal(plain);
    }
  });

  it('refuse unknown names', () => {
    for (const loss of [mseLoss, maeLoss, huberLoss, smoothL1Loss, binaryCrossEntropyWithLogitsLoss]) {
      const call = (options: unknown) => () => (loss as Untyped)(predictions, targets, options);
      expectError(call({ reduction: 'batchmean' }), RangeError, "'mean', 'sum' or 'none'", '"batchmean"');
      expectError(call({ reduction: 1 }), TypeError, 'for reduction', '1 of type number');
      expectError(call({ reduce: true }), TypeError, 'reduction', '"reduce"');
      expectError(call('sum'), TypeError, 'options', '"sum"');
    }
  });
});

describe('posWeight', () => {
  const reference = (weightOf: (i: number) => number) =>
    Array.from(predictions.data, (x, i) => {
      const t = targets.data[i];
      return -weightOf(i) * t * Math.log(sigmoid(x)) - (1 - t) * Math.log(1 - sigmoid(x));
    });
  const lossesWith = (posWeight: never) =>
    binaryCrossEntropyWithLogitsLoss(predictions, targets, { posWeight, reduction: 'none' }).data;

  it('is a number, one for each column, or a tensor that broadcasts', () => {
    const columns = [0.5, 2, 30];
    expectNear(
      lossesWith(3 as never),
      reference(() => 3),
      3e-6,
    );
    for (const each of [columns, Float64Array.from(columns), Tensor.from(columns, [3])]) {
      expectNear(
        lossesWith(each as never),
        reference((i) => columns[i % 3]),
        1e-5,
      );
    }
    expectNear(
      lossesWith(Tensor.from([2, 5], [2, 1]) as never),
      reference((i) => (i < 3 ? 2 : 5)),
      1e-5,
    );
  });

  it('has the loss without a weight if it is 1', () => {
    const plain = binaryCrossEntropyWithLogitsLoss(predictions, targets).item();
    const weighted = binaryCrossEntropyWithLogitsLoss(predictions, targets, { posWeight: 1 }).item();
    expect(weighted).to.be.closeTo(plain, 1e-6);
  });

  it('keeps full precision for tiny and huge weights, and confident logits', () => {
    for (const [x, t, weight] of [
      [20, 1, 1e-3],
      [-20, 0, 1e6],
      [15, 1, 1e6],
      [-3, 1, 1e-6],
      [3, 0.5, 1e6],
    ]) {
      const input = Tensor.from([x], [1]);
      const loss = binaryCrossEntropyWithLogitsLoss(input.trace(), Tensor.from([t], [1]), {
        posWeight: weight,
      });
      const w = Math.fround(weight);
      const expected = w * t * Math.log1p(Math.exp(-x)) + (1 - t) * (x + Math.log1p(Math.exp(-x)));
      const slope = -w * t * sigmoid(-x) + (1 - t) * sigmoid(x);
      expect(loss.item()).to.be.closeTo(expected, 1e-6 * expected);
      expect(backward(loss).get(input)?.data[0]).to.be.closeTo(slope, 1e-6 * Math.abs(slope));
    }
  });

  it('adds 0 for an infinite logit that agrees with its target, and for a weight of 0', () => {
    const lossOf = (x: number, t: number, posWeight: number) => {
      const input = Tensor.from([x], [1]);
      const loss = binaryCrossEntropyWithLogitsLoss(input.trace(), Tensor.from([t], [1]), { posWeight });
      return [loss.item(), backward(loss).get(input)?.data[0]];
    };
    expect(lossOf(Infinity, 1, 2)[0]).to.equal(0);
    expect(lossOf(-Infinity, 0, 2)[0]).to.equal(0);
    expect(lossOf(-Infinity, 1, 0)[0]).to.equal(0);
    expect(lossOf(-Infinity, 1, 2)).to.deep.equal([Infinity, -2]);
    expect(lossOf(Infinity, 0, 2)).to.deep.equal([Infinity, 1]);
    expect(lossOf(NaN, 1, 2)[0]).to.be.NaN;
  });

  it('refuses weights that do not fit', () => {
    const call = (posWeight: unknown) => () =>
      (binaryCrossEntropyWithLogitsLoss as Untyped)(predictions, targets, { posWeight });
    expectError(call([1, 2]), RangeError, 'posWeight', '[2, 3]', 'shape [2]');
    expectError(call(Tensor.ones([4, 2, 3])), RangeError, 'posWeight', '[2, 3]', '[4, 2, 3]');
    expectError(call(-1), RangeError, 'non-negative', 'posWeight', '-1');
    expectError(call([1, NaN, 1]), RangeError, 'posWeight[1]', 'NaN');
    expectError(call([1, '2', 1]), TypeError, 'posWeight[1]', '"2"');
    expectError(call(null), TypeError, 'posWeight', 'null');
    expectError(call('2'), TypeError, 'posWeight', '"2"');
    expectError(call(Tensor.ones([3]).trace()), TypeError, 'posWeight', 'tape');
  });
});
