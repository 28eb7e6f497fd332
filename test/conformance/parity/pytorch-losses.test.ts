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
} from 'batchnorm';
import { expect } from 'chai';
import { expectWithin, largest } from '../../support/expect-within.js';
import { type LossCase, readCases } from '../reference/read.js';

type Taped = Tensor<Shape, OwnedTape>;

/** Relative to the largest value or gradient: sums of terms that are each within a few roundings. */
const relative = 2e-6;

const cases = readCases<LossCase>('pytorch/losses.jsonl');

describe('losses with options compared with PyTorch', () => {
  it('has cases for each loss and each option', () => {
    expect(new Set(cases.map(({ op }) => op))).to.have.property('size', 7);
    expect(new Set(cases.flatMap(({ options }) => Object.keys(options)))).to.have.property('size', 4);
    expect(cases).to.have.length.at.least(500);
  });

  cases.forEach((reference, line) => {
    const [{ shape }] = reference.inputs;
    const targets = reference.classes === undefined ? 'values' : 'classes';
    const names = Object.keys(reference.options).join(', ');
    it(`${reference.op} of [${shape.join(', ')}] against ${targets} with ${names}, line ${line + 1}`, () => {
      const [{ values }] = reference.inputs;
      const x = Tensor.from(values, shape);
      const { y: expected, dy, gradients } = reference;
      for (const y of resultsOf(reference, () => x.trace())) {
        expect(y.shape).to.deep.equal(expected.shape);
        const weighted = y.mul(Tensor.from(dy, y.shape)).sum();
        const found = backward(weighted, { keep: y.shape.length > 0 ? [y] : [] }).get(x);
        const scale = Math.max(1, largest(expected.values));
        expectWithin(y.data, expected.values, () => relative * scale, 'y');
        const limit = relative * Math.max(largest(gradients[0]), largest(dy) / values.length);
        expectWithin(found?.data ?? [], gradients[0], () => limit, 'gradient');
      }
    });
  });
});

/** The loss against each kind of targets that the numbers of a case fit. */
function resultsOf(reference: LossCase, x: () => Taped): Taped[] {
  const { op, inputs, options, classes, targets = [], weights } = reference;
  const [{ shape }] = inputs;
  const target = Tensor.from(targets, classes === undefined ? shape : [0]);
  switch (op) {
    case 'mse':
      return [mseLoss(x(), target, options)];
    case 'mae':
      return [maeLoss(x(), target, options)];
    case 'huber':
      return [huberLoss(x(), target, { ...options, delta: 0.75 })];
    case 'smooth_l1':
      return [smoothL1Loss(x(), target, { ...options, beta: 0.75 })];
    case 'kl_div':
      return [klDivWithLogitsLoss(x(), target, options)];
    case 'binary_cross_entropy': {
      if (weights === undefined) return [binaryCrossEntropyWithLogitsLoss(x(), target, options)];
      const { values } = weights;
      const kinds = [
        Tensor.from(values, weights.shape),
        ...(weights.shape.length === 1 ? [values, Float64Array.from(values)] : []),
        ...(weights.shape.length === 0 ? values : []),
      ];
      return kinds.map((posWeight) =>
        binaryCrossEntropyWithLogitsLoss(x(), target, { ...options, posWeight }),
      );
    }
    case 'cross_entropy': {
      if (classes === undefined) return [crossEntropyWithLogitsLoss(x(), target, options)];
      const [images, , ...pixels] = shape;
      const kinds = [classes, Int32Array.from(classes), Tensor.from(classes, [images, ...pixels])];
      return kinds.map((each) => crossEntropyWithLogitsLoss(x(), each, options));
    }
  }
}
