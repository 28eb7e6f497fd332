import {
  backward,
  binaryCrossEntropyWithLogitsLoss,
  crossEntropyWithLogitsLoss,
  huberLoss,
  klDivWithLogitsLoss,
  maeLoss,
  mseLoss,
  type OwnedTape,
  type Shape,
  smoothL1Loss,
  Tensor,
  type Tensor0D,
} from 'batchnorm';
import { expect } from 'chai';

type Loss = (x: Tensor<Shape, OwnedTape>, t: Tensor<Shape>) => Tensor0D<OwnedTape>;

/** The loss and gradient of one prediction among others with zero loss. */
function lossOf(loss: Loss, prediction: number, target: number): readonly [number, number] {
  // Full vectors and a remainder, with the prediction at each position.
  const results = [0, 7, 18].map((place) => {
    const x = new Float32Array(19).fill(-200);
    const t = new Float32Array(19);
    if (loss !== binaryCrossEntropyWithLogitsLoss) x.fill(0);
    x[place] = prediction;
    t[place] = target;
    const predictions = Tensor.from(x, [19]);
    const value = loss(predictions.trace(), Tensor.from(t, [19]));
    const gradient = backward(value).get(predictions)?.data[place];
    return [value.item() * 19, Number(gradient) * 19].map(Math.fround);
  });
  for (const other of results) expect(other).to.deep.equal(results[0]);
  return [results[0][0], results[0][1]];
}

describe('losses of infinite predictions', () => {
  // A prediction equal to its target has zero loss, where PyTorch gives NaN from 0 times infinity. The other values are
  // PyTorch's.
  const cases: readonly [number, number, number, number][] = [
    [Infinity, 1, 0, 0],
    [-Infinity, 0, 0, 0],
    [Infinity, 0, Infinity, 1],
    [-Infinity, 1, Infinity, -1],
    [Infinity, 0.5, Infinity, 0.5],
    [-Infinity, 0.25, Infinity, -0.25],
    [NaN, 0, NaN, NaN],
    [NaN, 1, NaN, NaN],
    [Infinity, NaN, NaN, NaN],
  ];
  for (const [logit, target, loss, gradient] of cases) {
    it(`binary cross entropy of the logit ${logit} for ${target}`, () => {
      const found = lossOf(binaryCrossEntropyWithLogitsLoss, logit, target);
      expect(found.map((v) => v + 0)).to.deep.equal([loss, gradient]);
    });
  }

  it('Huber and smooth L1 losses have a bounded gradient there, unlike mean squared error', () => {
    for (const sign of [1, -1]) {
      const x = sign * Infinity;
      expect(lossOf((p, t) => huberLoss(p, t, { delta: 2 }), x, 3)).to.deep.equal([Infinity, sign * 2]);
      expect(lossOf((p, t) => smoothL1Loss(p, t, { beta: 2 }), x, 3)).to.deep.equal([Infinity, sign]);
      expect(lossOf(maeLoss, x, 3)).to.deep.equal([Infinity, sign]);
      expect(lossOf(mseLoss, x, 3)).to.deep.equal([Infinity, x]);
      // The difference of two infinities is undefined.
      for (const loss of [maeLoss, mseLoss] as const) {
        expect(lossOf(loss, x, x)).to.deep.equal([NaN, NaN]);
      }
      expect(lossOf((p, t) => huberLoss(p, t, { delta: 2 }), x, x)[0]).to.deep.equal(NaN);
    }
  });
});

describe('logits of -Infinity for impossible classes', () => {
  const low = -Infinity;
  const logits = () => Tensor.from([0, low, 0, low, low, low, 5, low], [2, 4]);

  it('have probability 0 and do not affect other classes', () => {
    const x = Tensor.from([0, low, 0, low], [1, 4]);
    expect(x.softmax().array()).to.deep.equal([[0.5, 0, 0.5, 0]]);
    const [log] = x.logSoftmax().array();
    expect(log.map(Math.fround)).to.deep.equal([-Math.LN2, low, -Math.LN2, low].map(Math.fround));
    const weights = Tensor.from([1, 2, 3, 4], [1, 4]);
    expect(backward(x.trace().softmax().mul(weights).sum()).get(x)?.array()).to.deep.equal([
      [-0.5, 0, 0.5, 0],
    ]);
  });

  it('add nothing to the cross entropy of other targets', () => {
    const x = logits();
    const loss = crossEntropyWithLogitsLoss(x.trace(), [2, 2]);
    expect(loss.item()).to.equal(Math.fround(Math.LN2 / 2));
    expect(backward(loss).get(x)?.array()).to.deep.equal([
      [0.25, 0, -0.25, 0],
      [0, 0, 0, 0],
    ]);
  });

  it('make the cross entropy of their own class infinite, with a finite gradient', () => {
    const x = logits();
    const loss = crossEntropyWithLogitsLoss(x.trace(), [1, 2]);
    expect(loss.item()).to.equal(Infinity);
    expect(backward(loss).get(x)?.array()).to.deep.equal([
      [0.25, -0.5, 0.25, 0],
      [0, 0, 0, 0],
    ]);
  });

  it('behave likewise in a Kullback-Leibler divergence', () => {
    const x = logits();
    const agreeing = Tensor.from([0.5, 0, 0.5, 0, 0, 0, 1, 0], [2, 4]);
    const loss = klDivWithLogitsLoss(x.trace(), agreeing);
    expect(Math.abs(loss.item())).to.be.below(1e-7);
    for (const each of backward(loss).get(x)?.data ?? [NaN]) expect(Math.abs(each)).to.be.below(1e-8);
    const possible = Tensor.from([0, 1, 0, 0, 0, 0, 1, 0], [2, 4]);
    expect(klDivWithLogitsLoss(x, possible).item()).to.equal(Infinity);
  });

  it('give NaN if all classes are impossible, as in PyTorch', () => {
    const x = Tensor.from([low, low, low], [1, 3]);
    expect(x.softmax().array()).to.deep.equal([[NaN, NaN, NaN]]);
    expect(x.logSoftmax().array()).to.deep.equal([[NaN, NaN, NaN]]);
  });
});
