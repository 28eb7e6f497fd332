import { accuracy, confusionMatrix, type Shape, Tensor, topK } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

const scores = Tensor.from([0.1, 0.7, 0.2, 0.5, 0.3, 0.4, 0.2, 0.2, 0.9, 0.6, 0.3, 0.1], [4, 3]);

/** Rows sorted by their logits, the first of equal ones first. */
function ranking(x: Tensor<Shape>): number[][] {
  const [images, classes, ...rest] = x.shape;
  const pixels = rest.reduce((a, b) => a * b, 1);
  return Array.from({ length: images * pixels }, (_, row) => {
    const first = Math.floor(row / pixels) * classes * pixels + (row % pixels);
    const logit = (c: number) => x.data[first + c * pixels];
    return Array.from({ length: classes }, (_unused, c) => c).sort((a, b) => logit(b) - logit(a) || a - b);
  });
}

describe('metrics', () => {
  it('accuracy is the fraction of targets with the highest logit', () => {
    expect(accuracy(scores, [1, 0, 2, 0])).to.equal(1);
    expect(accuracy(scores, [1, 2, 2, 2])).to.equal(0.5);
    expect(accuracy(scores, Tensor.from([1, 2, 2, 2], [4]))).to.equal(0.5);
    expect(accuracy(scores, BigInt64Array.of(1n, 0n, 0n, 0n))).to.equal(0.75);
    expect(accuracy(scores.trace(), [1, 0, 2, 1])).to.equal(0.75);
  });

  it('leave out an ignored class', () => {
    const options = { ignoreIndex: 2 };
    expect(accuracy(scores, [1, 2, 2, 1], options)).to.equal(0.5);
    expect(topK(scores, [1, 2, 2, 1], { ...options, k: 2 })).to.equal(1);
    expect(confusionMatrix(scores, [1, 2, 2, 1], options).array()).to.deep.equal([
      [0, 0, 0],
      [1, 1, 0],
      [0, 0, 0],
    ]);
  });

  it('topK is the fraction of targets among the k highest logits', () => {
    expect(topK(scores, [2, 2, 0, 2], { k: 1 })).to.equal(0);
    expect(topK(scores, [2, 2, 0, 2], { k: 2 })).to.equal(0.75);
    expect(topK(scores, [2, 2, 0, 2], { k: 3 })).to.equal(1);
  });

  it('confusionMatrix counts predictions in the row of their target', () => {
    const counts = confusionMatrix(scores, [1, 2, 2, 2]);
    expect(counts.array()).to.deep.equal([
      [0, 0, 0],
      [0, 1, 0],
      [2, 0, 1],
    ]);
    expect(counts.add(confusionMatrix(scores, [0, 0, 0, 0])).data[1]).to.equal(1);
  });

  it('agree with sorting for pixels, equal logits and every k', () => {
    const shape = [3, 5, 4, 7] as const;
    const rng = seeded(12);
    // Few different values, so that many are equal.
    const x = Tensor.from(values(rng, 3 * 5 * 28, 2).map(Math.round), shape);
    const targets = Uint8Array.from(values(rng, 84, 2.5, 2.5), (each) => Math.min(4, Math.floor(each)));
    targets[3] = targets[40] = 200;
    const options = { ignoreIndex: 200 };
    const rows = ranking(x);
    const counted = rows.flatMap((order, row) =>
      targets[row] === 200 ? [] : [[order, targets[row]] as const],
    );
    const counts = new Array<number>(25).fill(0);
    for (const [[predicted], target] of counted) counts[target * 5 + predicted]++;
    expect([...confusionMatrix(x, targets, options).data]).to.deep.equal(counts);
    for (const k of [1, 2, 3, 4, 5]) {
      const right = counted.filter(([order, target]) => order.indexOf(target) < k).length;
      expect(topK(x, targets, { ...options, k })).to.equal(right / 82);
      if (k === 1) expect(accuracy(x, targets, options)).to.equal(right / 82);
    }
  });

  it('take NaN for the highest logit, as argmax does', () => {
    const x = Tensor.from([1, NaN, 3, NaN], [1, 4]);
    const inFirst = (k: number) => [0, 1, 2, 3].map((target) => topK(x, [target], { k }));
    expect(inFirst(1)).to.deep.equal([0, 1, 0, 0]);
    expect(inFirst(2)).to.deep.equal([0, 1, 0, 1]);
    expect(inFirst(3)).to.deep.equal([0, 1, 1, 1]);
    expect(accuracy(x, [1])).to.equal(1);
  });

  it('are NaN or zeros if every target is ignored', () => {
    const options = { ignoreIndex: -1 };
    const targets = [-1, -1, -1, -1];
    expect(accuracy(scores, targets, options)).to.be.NaN;
    expect(topK(scores, targets, { ...options, k: 2 })).to.be.NaN;
    expect(confusionMatrix(scores, targets, options).sum().item()).to.equal(0);
  });

  it('refuse wrong arguments', () => {
    for (const metric of [accuracy, topK, confusionMatrix] as readonly Untyped[]) {
      const call = (x: unknown, targets: unknown, options: object = {}) => {
        const all = metric === (topK as Untyped) ? { k: 1, ...options } : options;
        return () => metric(x, targets, all);
      };
      expectError(call([1], [0]), TypeError, 'a Tensor for logits');
      expectError(call(Tensor.zeros([3]), [0]), RangeError, 'for logits', '[3]');
      expectError(call(Tensor.zeros([0, 3]), []), RangeError, 'for logits', '[0, 3]');
      expectError(call(scores, [0, 1]), RangeError, '4 class indices', 'length 2');
      expectError(call(scores, [0, 1, 2, 3]), RangeError, 'targets[3]', 'below 3', '3');
      expectError(call(scores, Tensor.zeros([3, 4])), RangeError, 'shape [4]', '[3, 4]');
      expectError(call(scores, Tensor.zeros([4]).trace()), TypeError, 'for targets', 'tape');
      expectError(call(scores, [0, 0, 0, 0], { ignore: 1 }), TypeError, 'ignoreIndex', '"ignore"');
      expectError(call(scores, [0, 0, 0, 0], { ignoreIndex: 1.5 }), RangeError, 'ignoreIndex', '1.5');
    }
    const top = topK as Untyped;
    expectError(() => top(scores, [0, 0, 0, 0]), TypeError, 'positive integer for k', 'undefined');
    expectError(() => top(scores, [0, 0, 0, 0], { k: 0 }), RangeError, 'for k', '0');
    expectError(() => top(scores, [0, 0, 0, 0], { k: 4 }), RangeError, 'at most', '(3) for k', '4');
  });
});
