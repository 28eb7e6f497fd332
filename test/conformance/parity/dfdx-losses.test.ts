import {
  backward,
  binaryCrossEntropyWithLogitsLoss,
  crossEntropyWithLogitsLoss,
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
import { type DfdxLoss, readCases } from '../reference/read.js';
import { expectNear } from '../../support/expect-near.js';

type Taped = Tensor<Shape, OwnedTape>;
type Loss = (x: Taped, targets: Tensor<Shape>, delta: number) => Tensor0D<OwnedTape>;

const losses: Readonly<Record<DfdxLoss['name'], Loss>> = {
  mse: (x, targets) => mseLoss(x, targets),
  mae: (x, targets) => maeLoss(x, targets),
  huber: (x, targets, delta) => huberLoss(x, targets, { delta }),
  smooth_l1: (x, targets, beta) => smoothL1Loss(x, targets, { beta }),
  cross_entropy: (x, targets) => crossEntropyWithLogitsLoss(x as never, targets as never),
  kl_div: (x, targets) => klDivWithLogitsLoss(x as never, targets as never),
  binary_cross_entropy: (x, targets) => binaryCrossEntropyWithLogitsLoss(x, targets),
};

// Seven digits, computed in float32; dfdx itself compares with 1e-6.
const tolerance = (expected: number) => 4e-7 * Math.max(1, Math.abs(expected));

describe("losses match the numbers of dfdx's own tests:", () => {
  const cases = readCases<DfdxLoss>('dfdx/losses.jsonl');

  it('for every loss', () => {
    expect(new Set(cases.map(({ name }) => name))).to.deep.equal(new Set(Object.keys(losses)));
  });

  for (const { name, shape, x: values, targets: target, delta = 1, loss, dx } of cases) {
    it(`${name} of shape [${shape.join(', ')}], and its gradient`, () => {
      const x = Tensor.from(values, shape);
      const found = losses[name](x.trace(), Tensor.from(target, shape), delta);
      expectNear([found.item()], [loss], tolerance(loss));
      expectNear(backward(found).get(x)?.data ?? [], dx, 1e-7);
    });
  }

  it('rmse, which dfdx defines as the root of mse', () => {
    const [mse] = cases.filter(({ name }) => name === 'mse');
    const x = Tensor.from(mse.x, mse.shape);
    const found = rmseLoss(x.trace(), Tensor.from(mse.targets, mse.shape));
    const root = Math.sqrt(mse.loss);
    expectNear([found.item()], [root], tolerance(root));
    const expected = mse.dx.map((value) => value / (2 * root));
    expectNear(backward(found).get(x)?.data ?? [], expected, 1e-7);
  });
});
