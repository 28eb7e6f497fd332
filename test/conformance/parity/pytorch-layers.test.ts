import {
  Abs,
  AvgPool2D,
  AvgPoolGlobal,
  backward,
  binaryCrossEntropyWithLogitsLoss,
  Cos,
  GeLU,
  huberLoss,
  klDivWithLogitsLoss,
  LeakyReLU,
  maeLoss,
  MaxPool2D,
  mseLoss,
  type OwnedTape,
  rmseLoss,
  type Shape,
  Sigmoid,
  SiLU,
  Sin,
  smoothL1Loss,
  Softmax,
  Tanh,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { type LayerCase, readCases } from '../reference/read.js';
import { expectWithin, largest, roundoff } from '../../support/expect-within.js';

type Taped = Tensor<Shape, OwnedTape>;

/** Below this, float32 has few significant bits or none. */
const subnormal = 3e-45;

/** Relative error of the float64 reference. */
const double = 2 ** -52;

const cases = readCases<LayerCase>('pytorch/layers.jsonl');

describe('layers and losses compared with PyTorch', () => {
  it('has a case for each operation', () => {
    expect(new Set(cases.map(({ op }) => op))).to.have.property('size', 19);
  });

  cases.forEach((reference, line) => {
    const [{ shape }] = reference.inputs;
    it(`${reference.op} of [${shape.join(', ')}], line ${line + 1}`, () => {
      compare(reference);
    });
  });
});

function compare(reference: LayerCase): void {
  const [{ values, shape }] = reference.inputs;
  const { y: expected, dy, gradients } = reference;
  const x = Tensor.from(values, shape);
  const y = apply(reference, x.trace());
  expect(y.shape).to.deep.equal(expected.shape);
  const weighted = y.reshape([dy.length]).mul(Tensor.from(dy, [dy.length]));
  const found = backward(weighted.sum(), { keep: y.shape.length > 0 ? [y] : [] });
  const tolerance = toleranceOf(reference);
  expectWithin(y.data, expected.values, tolerance.y, 'y');
  expectWithin(found.get(x)?.data ?? [], gradients[0], tolerance.dx, 'gradient');
}

function apply({ op, ...reference }: LayerCase, x: Taped): Taped {
  const { kernel = 0, stride = 0, padding = 0, targets = [] } = reference;
  // Ranks are known only at run time.
  const images = x as Tensor<readonly [number, number, number, number], OwnedTape>;
  const rows = x as Tensor<readonly [number, number], OwnedTape>;
  const target = Tensor.from(targets, targets.length === 0 ? [0] : x.shape);
  switch (op) {
    case 'max_pool':
      return new MaxPool2D(kernel, { stride, padding }).forward(images);
    case 'avg_pool':
      return new AvgPool2D(kernel, { stride, padding }).forward(images);
    case 'avg_pool_global':
      return new AvgPoolGlobal().forward(images);
    case 'sigmoid':
      return new Sigmoid().forward(x);
    case 'tanh':
      return new Tanh().forward(x);
    case 'gelu':
      return new GeLU().forward(x);
    case 'silu':
      return new SiLU().forward(x);
    case 'abs':
      return new Abs().forward(x);
    case 'sin':
      return new Sin().forward(x);
    case 'cos':
      return new Cos().forward(x);
    case 'softmax':
      return new Softmax().forward(x);
    case 'leaky_relu':
      return new LeakyReLU(0.25).forward(x);
    case 'mse':
      return mseLoss(x, target);
    case 'mae':
      return maeLoss(x, target);
    case 'rmse':
      return rmseLoss(x, target);
    case 'binary_cross_entropy':
      return binaryCrossEntropyWithLogitsLoss(x, target);
    case 'kl_div':
      return klDivWithLogitsLoss(rows, target as Tensor<readonly [number, number]>);
    case 'huber':
      return huberLoss(x, target, { delta: 0.75 });
    case 'smooth_l1':
      return smoothL1Loss(x, target, { beta: 0.75 });
  }
}

type Tolerance = (index: number) => number;

function toleranceOf(reference: LayerCase): { y: Tolerance; dx: Tolerance } {
  const { op, y, dy, gradients } = reference;
  const [{ values: x }] = reference.inputs;
  const roundings =
    (count: number, values: readonly number[]): Tolerance =>
    (i) =>
      count * roundoff * Math.abs(values[i]) + subnormal;
  const of = (forward: number, backwards: number) => ({
    y: roundings(forward, y.values),
    dx: roundings(backwards, gradients[0]),
  });
  switch (op) {
    case 'max_pool':
    case 'avg_pool':
      // At most 9 windows share an element.
      return { y: roundings(1, y.values), dx: () => 9 * roundoff * largest(dy) };
    case 'avg_pool_global':
      // Sums of at most 9 terms in float32.
      return { y: () => 9 * roundoff * largest(x), dx: roundings(1, gradients[0]) };
    case 'leaky_relu':
    case 'abs':
      return of(1, 1);
    case 'sin':
    case 'cos':
      return of(2, 2);
    case 'sigmoid':
      // y * (1 - y), where 1 - y has the absolute error of y
      return {
        y: roundings(6, y.values),
        dx: (i) => Math.abs(dy[i]) * (8 * roundoff * y.values[i] + subnormal) + subnormal,
      };
    case 'tanh':
      // 1 - y^2 has twice the error of y
      return { y: roundings(6, y.values), dx: (i) => 16 * roundoff * Math.abs(dy[i]) };
    case 'gelu':
      return {
        // PyTorch's 1 + tanh(u) cancels, ours does not. The rounding error is relative to the exponent, -1.6 x - 0.07 x^3.
        y: (i) => {
          const exponent = x[i] < 0 ? 1.6 * Math.abs(x[i]) + 0.072 * Math.abs(x[i]) ** 3 : 0;
          return (8 + 4 * exponent) * roundoff * Math.abs(y.values[i]) + 4 * double * Math.abs(x[i]);
        },
        dx: (i) => 16 * roundoff * Math.abs(dy[i]),
      };
    case 'silu':
      return {
        // The error of exp is relative to the result, and subnormal results have an absolute one.
        y: (i) => 8 * roundoff * Math.abs(y.values[i]) + subnormal * (1 + Math.abs(x[i])),
        dx: (i) => 16 * roundoff * Math.abs(dy[i]),
      };
    case 'softmax':
      return softmaxTolerance(reference);
    case 'mse':
    case 'mae':
    case 'huber':
    case 'smooth_l1':
      return of(5, 5);
    case 'rmse':
      return of(5, 8);
    case 'binary_cross_entropy':
      // PyTorch adds exp(-|x|) to 1. sigmoid(x) - t, both at most 1.
      return {
        y: (i) => roundings(8, y.values)(i) + double,
        dx: () => (8 * roundoff * Math.abs(dy[0])) / x.length,
      };
    case 'kl_div': {
      const rows = reference.inputs[0].shape[0];
      return {
        // A difference of an entropy and a cross entropy, with logarithms below 16
        y: () => 16 * roundoff * Math.max(1, Math.abs(y.values[0])),
        dx: () => (16 * roundoff * Math.abs(dy[0])) / rows,
      };
    }
  }
}

function softmaxTolerance({ inputs: [x], y, dy }: LayerCase): { y: Tolerance; dx: Tolerance } {
  const columns = x.shape[x.shape.length - 1];
  // The rounding error of x - max(x), about log(y), is relative to it.
  const error = (i: number) => (10 + 2 * Math.abs(Math.log(y.values[i] || 1))) * roundoff;
  return {
    y: (i) => error(i) * y.values[i] + subnormal,
    dx: (i) => {
      const start = i - (i % columns);
      let sum = Math.abs(dy[i]);
      for (let j = start; j < start + columns; j++) sum += y.values[j] * Math.abs(dy[j]);
      return 3 * error(i) * y.values[i] * sum + subnormal;
    },
  };
}
