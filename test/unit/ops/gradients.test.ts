import { crossEntropyWithLogitsLoss, type OwnedTape, type Shape, Tensor } from 'batchnorm';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

type Taped = Tensor<Shape, OwnedTape>;

/** Weights every element differently, so that a permuted gradient is detected. */
function weighted(y: Taped) {
  const n = y.shape.reduce((a, b) => a * b, 1);
  return y.mul(Tensor.from(values(seeded(99), n, 1, 0.5), y.shape)).sum();
}

function tensor(shape: readonly number[], deviation = 1, mean = 0): Tensor<Shape> {
  const n = shape.reduce((a, b) => a * b, 1);
  return Tensor.from(values(seeded(n + shape.length), n, deviation, mean), shape);
}

describe('gradients by finite differences', () => {
  const row = [3];
  const matrix = [4, 3];
  const scalar: number[] = [];
  for (const right of [matrix, row, scalar]) {
    const name = `with a right operand of shape [${right.join(', ')}]`;
    it(`add ${name}`, () => {
      checkGradients(([a, b]) => weighted(a.add(b)), [tensor(matrix), tensor(right)], 1e-3);
    });
    it(`sub ${name}`, () => {
      checkGradients(([a, b]) => weighted(a.sub(b)), [tensor(matrix), tensor(right)], 1e-3);
    });
    it(`mul ${name}`, () => {
      checkGradients(([a, b]) => weighted(a.mul(b)), [tensor(matrix), tensor(right)], 1e-3);
    });
    it(`div ${name}`, () => {
      checkGradients(([a, b]) => weighted(a.div(b)), [tensor(matrix), tensor(right, 0.5, 2)], 1e-3);
    });
  }

  it('operations with numbers', () => {
    checkGradients(([a]) => weighted(a.add(2).mul(3).sub(1).div(4)), [tensor(matrix)], 1e-3);
  });

  it('exp', () => {
    checkGradients(([x]) => weighted(x.exp()), [tensor(matrix)], 1e-3);
  });
  it('log', () => {
    checkGradients(([x]) => weighted(x.log()), [tensor(matrix, 0.5, 2)], 1e-3);
  });
  it('sqrt', () => {
    checkGradients(([x]) => weighted(x.sqrt()), [tensor(matrix, 0.5, 2)], 1e-3);
  });
  it('square', () => {
    checkGradients(([x]) => weighted(x.square()), [tensor(matrix)], 1e-3);
  });
  it('relu, away from its kink', () => {
    const x = Tensor.from([-0.7, 0.4, 1.3, -0.2, 0.9, -1.1], [2, 3]);
    checkGradients(([a]) => weighted(a.relu()), [x], 1e-3);
  });
  it('sum and mean', () => {
    checkGradients(([x]) => x.square().sum(), [tensor(matrix)], 1e-3);
    checkGradients(([x]) => x.square().mean(), [tensor(matrix)], 1e-3);
  });
  it('reshape', () => {
    checkGradients(([x]) => weighted(x.reshape([2, 6])), [tensor(matrix)], 1e-3);
  });
  it('matmul', () => {
    const loss = ([a, b]: Taped[]) =>
      weighted((a as Tensor<readonly [number, number], OwnedTape>).matmul(b.reshape([3, 5])));
    checkGradients(loss, [tensor([4, 3]), tensor([3, 5])], 1e-3);
  });
  it('logSoftmax', () => {
    const loss = ([x]: Taped[]) => weighted(x.reshape([4, 3]).logSoftmax());
    checkGradients(loss, [tensor(matrix, 2)], 2e-3);
  });
  it('cross entropy with class indices and with probabilities', () => {
    const probabilities = Tensor.from([0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.1, 0.8, 0, 0.5, 0.5], [4, 3]);
    for (const targets of [[2, 0, 1, 1], probabilities]) {
      const loss = ([x]: Taped[]) => crossEntropyWithLogitsLoss(x.reshape([4, 3]), targets);
      checkGradients(loss, [tensor(matrix, 2)], 1e-3);
    }
  });
});
