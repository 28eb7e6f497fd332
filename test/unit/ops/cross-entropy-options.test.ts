import {
  backward,
  crossEntropyWithLogitsLoss,
  klDivWithLogitsLoss,
  type Shape,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
const random = <const S extends Shape>(shape: S) => Tensor.from(values(seeded(7), count(shape), 2), shape);
const gradientOf = (x: Tensor<Shape>, loss: (x: Tensor<Shape, never>) => unknown) =>
  backward(loss(x.trace() as never) as never).get(x)?.data ?? [];

const images = random([2, 3, 2, 2]);
const labels = [0, 2, 1, 1, 2, 255, 0, 2];
const dense = Tensor.from(labels, [2, 2, 2]);

/** The loss of each pixel in float64. */
function reference(weights: readonly number[], smoothing: number): number[] {
  const { data } = images;
  return labels.map((label, row) => {
    if (label === 255) return 0;
    const [image, pixel] = [Math.floor(row / 4), row % 4];
    const logits = [0, 1, 2].map((c) => data[image * 12 + c * 4 + pixel]);
    const sum = Math.log(logits.reduce((total, each) => total + Math.exp(each), 0));
    return logits.reduce((loss, each, c) => {
      const target = (c === label ? 1 - smoothing : 0) + smoothing / 3;
      return loss - weights[c] * target * (each - sum);
    }, 0);
  });
}

describe('crossEntropyWithLogitsLoss with options', () => {
  it('takes class indices of pixels, some of which are ignored', () => {
    const losses = crossEntropyWithLogitsLoss(images, dense, { ignoreIndex: 255, reduction: 'none' });
    expect(losses.shape).to.deep.equal([2, 2, 2]);
    const expected = reference([1, 1, 1], 0);
    expectNear(losses.data, expected, 1e-6);
    const mean = crossEntropyWithLogitsLoss(images, Uint8Array.from(labels), { ignoreIndex: 255 }).item();
    expect(mean).to.be.closeTo(expected.reduce((a, b) => a + b) / 7, 1e-6);
  });

  it('combines class weights, smoothing and ignored targets', () => {
    const weights = [0.5, 2, 3];
    const options = { classWeights: weights, labelSmoothing: 0.3, ignoreIndex: 255 };
    const expected = reference(weights, 0.3);
    const sum = expected.reduce((a, b) => a + b);
    // Of the classes that are not ignored: 0 twice, 1 twice, 2 three times.
    const total = 2 * 0.5 + 2 * 2 + 3 * 3;
    const lossOf = (reduction: 'mean' | 'sum' | 'none') =>
      crossEntropyWithLogitsLoss(images, dense, { ...options, reduction }).data;
    expectNear(lossOf('none'), expected, 2e-6);
    expectNear(lossOf('sum'), [sum], 1e-5);
    expectNear(lossOf('mean'), [sum / total], 1e-6);
  });

  it('takes weights as a tensor or any array, with the same bits', () => {
    const weights = [0.1, 1 / 3, 3];
    const [first, ...others] = [weights, Float64Array.from(weights), Tensor.from(weights, [3])].map((each) =>
      crossEntropyWithLogitsLoss(images, dense, { classWeights: each, ignoreIndex: 255 }).item(),
    );
    for (const other of others) expect(other).to.equal(first);
  });

  it('is bit-identical to a call without options for their defaults', () => {
    const x = random([33, 10]);
    const classes = Array.from({ length: 33 }, (_, i) => i % 10);
    const plain = crossEntropyWithLogitsLoss(x, classes).item();
    const options = { reduction: 'mean', labelSmoothing: 0, classWeights: undefined } as const;
    expect(crossEntropyWithLogitsLoss(x, classes, options as never).item()).to.equal(plain);
    const ones = new Float32Array(10).fill(1);
    expect(crossEntropyWithLogitsLoss(x, classes, { classWeights: ones }).item()).to.equal(plain);
    const withOnes = gradientOf(x, (each) =>
      crossEntropyWithLogitsLoss(each as never, classes as never, { classWeights: ones }),
    );
    const without = gradientOf(x, (each) => crossEntropyWithLogitsLoss(each as never, classes as never));
    expect([...withOnes]).to.deep.equal([...without]);
  });

  it('has the loss of rows for pixels in any order of the axes', () => {
    const rows = images.permute([0, 2, 3, 1]).reshape([8, 3]);
    const options = { ignoreIndex: 255, classWeights: [1, 2, 3], labelSmoothing: 0.1 };
    const ofImages = crossEntropyWithLogitsLoss(images, dense, options).item();
    expect(ofImages).to.equal(crossEntropyWithLogitsLoss(rows, labels, options).item());
  });

  it('has gradients that match finite differences', () => {
    const options = { ignoreIndex: 255, classWeights: [0.5, 2, 3], labelSmoothing: 0.2 };
    const x = images as Tensor<Shape>;
    const targets = dense as Tensor<Shape>;
    checkGradients(([a]) => crossEntropyWithLogitsLoss(a, targets, options), [x], 2e-3);
    const factors = random([2, 2, 2]);
    const losses = { ...options, reduction: 'none' } as const;
    checkGradients(([a]) => crossEntropyWithLogitsLoss(a, targets, losses).mul(factors).sum(), [x], 2e-2);
    const indices = { reduction: 'none', ignoreIndex: 255 } as const;
    checkGradients(([a]) => crossEntropyWithLogitsLoss(a, targets, indices).mul(factors).sum(), [x], 2e-2);
    const t = images.permute([0, 2, 3, 1]).softmax().permute([0, 3, 1, 2]) as Tensor<Shape>;
    checkGradients(([a]) => crossEntropyWithLogitsLoss(a, t, { reduction: 'sum' }), [x], 2e-2);
    checkGradients(([a]) => klDivWithLogitsLoss(a, t, { reduction: 'none' }).square().sum(), [x], 3e-2);
  });

  it('is NaN with a gradient of 0 if every target is ignored or has no weight', () => {
    for (const options of [
      { ignoreIndex: 1 },
      { ignoreIndex: 1, labelSmoothing: 0.5 },
      { classWeights: [1, 0, 1] },
    ]) {
      const x = random([2, 3]);
      const loss = crossEntropyWithLogitsLoss(x.trace(), [1, 1], options);
      expect(loss.item()).to.be.NaN;
      expect(backward(loss).get(x)?.array()).to.deep.equal([
        [0, 0, 0],
        [0, 0, 0],
      ]);
      expect(crossEntropyWithLogitsLoss(x, [1, 1], { ...options, reduction: 'sum' }).item()).to.satisfy(
        Number.isFinite,
      );
    }
    const losses = crossEntropyWithLogitsLoss(random([2, 3]), [1, 1], { ignoreIndex: 1, reduction: 'none' });
    expect([...losses.data]).to.deep.equal([0, 0]);
  });

  it('adds nothing for an impossible class of weight 0', () => {
    const x = Tensor.from([1, -Infinity, 2], [1, 3]);
    const loss = crossEntropyWithLogitsLoss(x.trace(), [1], { classWeights: [1, 0, 1], reduction: 'sum' });
    expect(loss.item()).to.be.closeTo(0, 0);
    const smoothed = { classWeights: [1, 0, 1], labelSmoothing: 0.5 };
    expect(crossEntropyWithLogitsLoss(x, [0], smoothed).item()).to.satisfy(Number.isFinite);
    const probabilities = Tensor.from([0.25, 0, 0.75], [1, 3]);
    const expected = Math.log(Math.E + Math.E ** 2) - 0.25 * 1 - 0.75 * 2;
    expect(crossEntropyWithLogitsLoss(x, probabilities).item()).to.be.closeTo(expected, 1e-6);
  });

  it('ignores a negative index, and one of a 64-bit integer', () => {
    const x = random([3, 4]);
    const expected = crossEntropyWithLogitsLoss(x.slice({ axis: 0, start: 1 }), [2, 3]).item();
    expect(crossEntropyWithLogitsLoss(x, [-100, 2, 3], { ignoreIndex: -100 }).item()).to.equal(expected);
    const long = BigInt64Array.of(-100n, 2n, 3n);
    expect(crossEntropyWithLogitsLoss(x, long, { ignoreIndex: -100 }).item()).to.equal(expected);
  });

  it('returns its working space to the pool', () => {
    const x = random([64, 3, 8, 8]);
    const targets = new Uint8Array(64 * 64).map((_, i) => i % 3);
    const options = { labelSmoothing: 0.1, classWeights: [1, 2, 3] };
    const step = () => {
      const traced = x.trace();
      const gradients = backward(crossEntropyWithLogitsLoss(traced, targets, options));
      gradients.get(x)?.dispose();
      crossEntropyWithLogitsLoss(x, targets, options).dispose();
    };
    step();
    const { bytes } = storagePool;
    step();
    expect(storagePool.bytes).to.equal(bytes);
  });

  it('refuses wrong options and targets', () => {
    const loss = crossEntropyWithLogitsLoss as Untyped;
    const x = random([2, 3]);
    const call =
      (options: unknown, targets: unknown = [0, 2]) =>
      () =>
        loss(x, targets, options);
    expectError(call({ smoothing: 0.1 }), TypeError, 'labelSmoothing', '"smoothing"');
    expectError(call({ reduction: 'avg' }), RangeError, "'mean', 'sum' or 'none' for reduction", '"avg"');
    expectError(call({ reduction: null }), TypeError, 'for reduction', 'null');
    expectError(call({ classWeights: [1, 2] }), RangeError, '3 weights', 'classWeights', 'length 2');
    expectError(call({ classWeights: Tensor.zeros([3, 1]) }), RangeError, '3 weights', '[3, 1]');
    expectError(call({ classWeights: Tensor.zeros([3]).trace() }), TypeError, 'classWeights', 'tape');
    expectError(call({ classWeights: [1, -1, 1] }), RangeError, 'classWeights[1]', '-1');
    expectError(call({ classWeights: [1, NaN, 1] }), RangeError, 'classWeights[1]', 'NaN');
    expectError(call({ classWeights: [1, 1e300, 1] }), RangeError, 'classWeights[1]', 'Infinity');
    expectError(call({ classWeights: [1, '2', 1] }), TypeError, 'classWeights[1]', '"2"');
    expectError(call({ classWeights: 3 }), TypeError, 'classWeights', '3');
    expectError(call({ ignoreIndex: 0.5 }), RangeError, 'an integer for ignoreIndex', '0.5');
    expectError(call({ ignoreIndex: '0' }), TypeError, 'an integer for ignoreIndex', '"0"');
    expectError(call({ labelSmoothing: 1.5 }), RangeError, 'from 0 to 1 for labelSmoothing', '1.5');
    expectError(call({ labelSmoothing: -0.1 }), RangeError, 'labelSmoothing', '-0.1');
    expectError(call({ labelSmoothing: '0' }), TypeError, 'labelSmoothing', '"0"');
    expectError(call({ ignoreIndex: 1 }, random([2, 3])), RangeError, 'ignoreIndex', 'probabilities', '1');
    expectError(call({ ignoreIndex: 4 }, [0, 3]), RangeError, 'targets[1]', 'below 3', '3');
    expectError(call({}, Tensor.from([0, 3], [2])), RangeError, 'targets[1]', 'below 3', '3');
    expectError(call({}, Tensor.from([0, 0.5], [2])), RangeError, 'targets[1]', '0.5');
    expectError(call({}, Tensor.zeros([3])), RangeError, 'class indices of shape [2]', '[3]');
    expectError(call({}, Tensor.zeros([2]).trace()), TypeError, 'for targets', 'tape');
    expectError(() => loss(images, Tensor.zeros([2, 2, 3])), RangeError, 'shape [2, 2, 2]', '[2, 2, 3]');
    expectError(() => loss(images, [0, 1]), RangeError, '8 class indices', 'length 2');
    expectError(() => loss(Tensor.zeros([2, 3, 0]), []), RangeError, 'for logits', '[2, 3, 0]');
    const divergence = klDivWithLogitsLoss as Untyped;
    expectError(() => divergence(x, x, { labelSmoothing: 0 }), TypeError, 'reduction', '"labelSmoothing"');
  });
});
