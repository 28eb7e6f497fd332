import {
  accuracy,
  backward,
  binaryCrossEntropyWithLogitsLoss,
  confusionMatrix,
  crossEntropyWithLogitsLoss,
  Tensor,
  topK,
} from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

const reductions = ['mean', 'sum', 'none'] as const;

/** Logits of rows, pixels of images or points of signals, with targets and every combination of options. */
const problems = fc
  .record({
    images: fc.integer({ min: 1, max: 4 }),
    classes: fc.integer({ min: 1, max: 5 }),
    pixels: fc.integer({ min: 1, max: 5 }),
    hasPixels: fc.boolean(),
    seed: fc.nat(1e6),
    reduction: fc.constantFrom(...reductions),
    labelSmoothing: fc.constantFrom(undefined, 0.1, 0.75, 1),
    hasWeights: fc.boolean(),
    ignoreIndex: fc.constantFrom(undefined, 0, 255),
  })
  .map(({ images, classes, pixels, hasPixels, seed, hasWeights, ...options }) => {
    const rng = seeded(seed);
    const points = hasPixels ? pixels : 1;
    const shape = hasPixels ? [images, classes, points] : [images, classes];
    const logits = Tensor.from(values(rng, images * classes * points, 4), shape);
    const targets = Array.from({ length: images * points }, () =>
      options.ignoreIndex === 255 && rng() < 0.3 ? 255 : Math.floor(rng() * classes),
    );
    // Some classes do not count at all.
    const weights = hasWeights
      ? Array.from({ length: classes }, () => Math.max(0, Math.fround(2 * rng() - 0.3)))
      : undefined;
    return { logits, targets, classes, points, options, weights };
  });

type Problem = typeof problems extends fc.Arbitrary<infer P> ? P : never;

/** log(softmax) and the target of each row in double precision: the losses, and their derivatives with respect to the logits. */
function reference({ logits, targets, classes, points, options, weights }: Problem) {
  const { labelSmoothing: smoothing = 0, ignoreIndex, reduction } = options;
  const losses: number[] = [];
  const gradient = new Float64Array(logits.data.length);
  let total = 0;
  targets.forEach((target, row) => {
    const at = (c: number) => (Math.floor(row / points) * classes + c) * points + (row % points);
    const x = Array.from({ length: classes }, (_, c) => logits.data[at(c)]);
    const top = Math.max(...x);
    const logSum = top + Math.log(x.reduce((sum, each) => sum + Math.exp(each - top), 0));
    const isIgnored = target === ignoreIndex;
    if (!isIgnored) total += weights?.[target] ?? 1;
    const t = x.map((_, c) =>
      isIgnored ? 0 : ((c === target ? 1 - smoothing : 0) + smoothing / classes) * (weights?.[c] ?? 1),
    );
    losses.push(x.reduce((sum, each, c) => sum - t[c] * (each - logSum), 0));
    const sumOfTargets = t.reduce((sum, each) => sum + each, 0);
    x.forEach((each, c) => (gradient[at(c)] = Math.exp(each - logSum) * sumOfTargets - t[c]));
  });
  const sum = losses.reduce((a, b) => a + b, 0);
  if (reduction === 'none') return { loss: losses, gradient };
  if (reduction === 'sum') return { loss: [sum], gradient };
  return { loss: [sum / total], gradient: gradient.map((each) => (total === 0 ? 0 : each / total)) };
}

const near = (found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) => {
  expect(found.length).to.equal(expected.length);
  for (let i = 0; i < found.length; i++) {
    // The mean over weights that are all 0.
    if (!Number.isFinite(expected[i])) expect(found[i]).to.deep.equal(expected[i]);
    else expect(found[i]).to.be.closeTo(expected[i], tolerance * Math.max(1, Math.abs(expected[i])));
  }
};

describe('losses and metrics of random problems', () => {
  it('compute cross entropy and its gradient with every combination of options', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { logits, targets, options, weights } = problem;
        const given = Object.fromEntries(
          Object.entries({ ...options, classWeights: weights }).filter(([, value]) => value !== undefined),
        );
        const loss = crossEntropyWithLogitsLoss(logits.trace(), targets as never, given);
        const { loss: expected, gradient } = reference(problem);
        near(loss.detach().data, expected, 2e-5);
        const scalar = options.reduction === 'none' ? loss.sum() : loss;
        const found = backward(scalar as never).get(logits);
        near(found?.data ?? [], gradient, 2e-5);
      }),
      { numRuns: 200 },
    );
  });

  it('compute binary cross entropy with any posWeight that broadcasts', () => {
    const cases = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      columns: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(1e6),
      kind: fc.constantFrom('number', 'column', 'row', 'each'),
    });
    fc.assert(
      fc.property(cases, ({ rows, columns, seed, kind }) => {
        const rng = seeded(seed);
        const x = Tensor.from(values(rng, rows * columns, 8), [rows, columns]);
        const t = Tensor.from(
          Float32Array.from({ length: rows * columns }, () => (rng() < 0.5 ? 0 : rng())),
          [rows, columns],
        );
        const shapes = { number: [1], column: [rows, 1], row: [columns], each: [rows, columns] } as const;
        const shape: readonly number[] = shapes[kind];
        const count = shape.reduce((product, size) => product * size, 1);
        const weight = Tensor.from(values(rng, count, 2, 2), shape);
        const posWeight = kind === 'number' ? weight.data[0] : weight;
        const w = Tensor.ones([rows, columns]).mul(weight as Tensor<readonly [1]>).data;
        const loss = binaryCrossEntropyWithLogitsLoss(x.trace(), t, {
          posWeight: posWeight as never,
          reduction: 'none',
        });
        const softplus = (value: number) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));
        const expected = Array.from(
          x.data,
          (each, i) => w[i] * t.data[i] * softplus(-each) + (1 - t.data[i]) * softplus(each),
        );
        const slopes = Array.from(x.data, (each, i) => {
          const sigmoid = 1 / (1 + Math.exp(-each));
          return w[i] * t.data[i] * (sigmoid - 1) + (1 - t.data[i]) * sigmoid;
        });
        near(loss.detach().data, expected, 5e-6);
        near(backward(loss.sum()).get(x)?.data ?? [], slopes, 5e-6);
      }),
      { numRuns: 100 },
    );
  });

  it('count every target that is not ignored in the confusion matrix, and agree on the accuracy', () => {
    fc.assert(
      fc.property(problems, ({ logits, targets, classes, options: { ignoreIndex } }) => {
        const given = ignoreIndex === undefined ? {} : { ignoreIndex };
        const counted = targets.filter((target) => target !== ignoreIndex);
        const matrix = confusionMatrix(logits, targets as never, given).array();
        for (let c = 0; c < classes; c++) {
          const ofClass = counted.filter((target) => target === c).length;
          expect(matrix[c].reduce((sum, count) => sum + count, 0)).to.equal(ofClass);
        }
        if (counted.length === 0) return;
        const right = matrix.reduce((sum, row, c) => sum + row[c], 0) / counted.length;
        expect(accuracy(logits, targets as never, given)).to.be.closeTo(right, 1e-12);
        let before = 0;
        for (let k = 1; k <= classes; k++) {
          const share = topK(logits, targets as never, { k, ...given });
          if (k === 1) expect(share).to.be.closeTo(right, 1e-12);
          expect(share).to.be.at.least(before);
          before = share;
        }
        expect(before).to.equal(1);
      }),
      { numRuns: 100 },
    );
  });

  it('refuse every target outside of the classes, and weights of every other length', () => {
    const wrong = fc.record({
      classes: fc.integer({ min: 1, max: 6 }),
      at: fc.nat(3),
      over: fc.nat(1000),
      below: fc.boolean(),
      length: fc.nat(9),
    });
    fc.assert(
      fc.property(wrong, ({ classes, at, over, below, length }) => {
        const logits = Tensor.zeros([4, classes]);
        const targets = [0, 0, 0, 0];
        targets[at] = below ? -1 - over : classes + over;
        for (const call of [
          () => crossEntropyWithLogitsLoss(logits, targets),
          () => crossEntropyWithLogitsLoss(logits, targets, { labelSmoothing: 0.1 }),
          () => accuracy(logits, targets),
          () => confusionMatrix(logits, targets),
        ]) {
          expectError(call, RangeError, `targets[${at}]`, String(targets[at]));
        }
        if (length === classes) return;
        const classWeights = new Array<number>(length).fill(1);
        expectError(
          () => crossEntropyWithLogitsLoss(logits, [0, 0, 0, 0], { classWeights }),
          RangeError,
          'classWeights',
        );
      }),
      { numRuns: 100 },
    );
  });
});
