import {
  Adam,
  backward,
  BatchNorm2D,
  Conv2D,
  disposeGraph,
  Dropout,
  Flatten2D,
  fold,
  GeneralizedResidual,
  Linear,
  recalibrate,
  ReLU,
  Residual,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectRejection } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

const images = () => Tensor.from(values(seeded(5), 36), [2, 2, 3, 3]);

describe('recalibrate on a network that uses one batch norm twice', () => {
  const twice = (momentum: number | 'cumulative') => {
    const bn = new BatchNorm2D(2, { momentum });
    return { bn, net: new Sequential(bn, new ReLU(), bn) };
  };

  for (const momentum of [0.25, 'cumulative'] as const) {
    it(`leaves momentum ${momentum}`, async () => {
      const { bn, net } = twice(momentum);
      await recalibrate(net, [images()]);
      expect(bn.momentum).to.equal(momentum);
    });
  }

  it('restores momentum and statistics if it fails midway', async () => {
    const { bn, net } = twice(0.25);
    net.forwardMut(images().trace());
    const before = [bn.runningMean.array(), bn.runningVar.array()];
    const batches = function* () {
      yield images();
      expect(bn.momentum, 'while it runs').to.equal(0.25);
      throw new Error('midway');
    };
    await expectRejection(recalibrate(net, batches()), Error, 'midway');
    expect(bn.momentum).to.equal(0.25);
    expect([bn.runningMean.array(), bn.runningVar.array()]).to.deep.equal(before);
  });

  it('refuses a second call during the first, which is not affected', async () => {
    const { bn, net } = twice(0.25);
    let go = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    async function* batches() {
      yield images();
      await waiting;
    }
    const first = recalibrate(net, batches());
    await expectRejection(recalibrate(net, [images()]), Error, 'recalibrate()', 'Await');
    go();
    expect(await first).to.equal(1);
    expect(bn.momentum).to.equal(0.25);
    await recalibrate(net, [images()]);
  });
});

describe('clone() of a network that uses one layer several times', () => {
  it('preserves sharing in Sequential', () => {
    const bn = new BatchNorm2D(2);
    const relu = new ReLU();
    const copy = new Sequential(bn, relu, bn, relu).clone();
    expect(copy.layers[2]).to.equal(copy.layers[0]);
    expect(copy.layers[3]).to.equal(copy.layers[1]);
    expect(copy.layers[0]).not.to.equal(bn);
    // A second clone is another copy.
    expect(new Sequential(bn).clone().layers[0]).not.to.equal(copy.layers[0]);
  });

  it("preserves sharing across nested compositions and a user's module", () => {
    const linear = new Linear(3, 3);
    const inner = new Sequential(linear, new ReLU());
    const own = {
      part: inner,
      forward(x: Tensor<readonly [number, 3]>) {
        return this.part.forward(x);
      },
      clone() {
        const part = new Sequential(new Residual(this.part)).clone().layers[0].f;
        return { ...this, part };
      },
    };
    const copy = new Sequential(new Residual(inner), new GeneralizedResidual(linear, inner), own).clone();
    const [residual, sum, user] = copy.layers;
    expect(sum.r).to.equal(residual.f);
    expect(sum.f).to.equal(residual.f.layers[0]);
    expect(user.part).to.equal(residual.f);
    expect(residual.f).not.to.equal(inner);
  });

  it('trains like the original', () => {
    const linear = new Linear(3, 3);
    const net = new Sequential(linear, new ReLU(), linear);
    const copy = net.clone();
    const x = Tensor.from(values(seeded(9), 6), [2, 3]);
    for (const each of [net, copy]) {
      const adam = new Adam({ lr: 0.1 });
      for (let i = 0; i < 3; i++) adam.update(each, backward(each.forwardMut(x.trace()).square().mean()));
    }
    expect(copy.forward(x).array()).to.deep.equal(net.forward(x).array());
    expect(copy.layers[0].weight.array()).to.deep.equal(linear.weight.array());
  });

  it('works after a failed clone', () => {
    const stubborn = { forward: (x: Tensor<readonly [number, 3]>) => x };
    const linear = new Linear(3, 3);
    expect(() => new Sequential(linear, stubborn).clone()).to.throw(TypeError);
    const [first] = new Sequential(linear).clone().layers;
    const [second] = new Sequential(linear).clone().layers;
    expect(first).not.to.equal(second);
  });

  it('is matched by fold(), which folds shared pairs and clones other shared layers once', () => {
    const conv = new Conv2D(2, 2, 1);
    const bn = new BatchNorm2D(2);
    bn.forwardMut(images().trace());
    const dropout = new Dropout(0.5);
    const block = new Residual(new Sequential(conv, bn));
    const net = new Sequential(conv, bn, dropout, block, dropout, block, new Flatten2D());
    const folded = fold(net);
    const [first, drop, residual, again, last] = folded.layers as readonly unknown[];
    expect(again).to.equal(drop);
    expect(last).to.equal(residual);
    expect((residual as Residual<Sequential<readonly [typeof conv]>>).f.layers[0]).to.equal(first);
    const x = images();
    const [expected, found] = [net.forward(x).array(), folded.forward(x).array()];
    expected.flat().forEach((value, i) => {
      expect(found.flat()[i]).to.be.closeTo(value, 1e-5);
    });
  });
});

describe('memory that would not be released otherwise', () => {
  it('is released by dispose() and using for gradients without an optimizer', () => {
    const x = Tensor.from([1, 2], [2]);
    const gradients = backward(x.trace().square().sum());
    const kept = gradients.get(x);
    gradients.dispose();
    gradients.dispose();
    expect(() => gradients.get(x)).to.throw(TypeError, 'These gradients were disposed');
    expect(() => kept?.array()).to.throw(TypeError, 'These gradients were disposed');
    const loss = x.trace().sum();
    expect(() => backward(loss, { into: gradients })).to.throw(TypeError, 'disposed');
    const linear = new Linear(2, 1);
    expect(() => {
      new Adam().update(linear, gradients);
    }).to.throw(TypeError, 'disposed');
    const others = backward(x.trace().sum());
    {
      using scoped = others;
      expect(scoped.get(x)?.array()).to.deep.equal([1, 1]);
    }
    expect(() => others.get(x)).to.throw(TypeError, 'disposed');
  });

  it('is released by disposeGraph() for graphs without backward', () => {
    const x = Tensor.from([1, 2], [2]);
    const y = x.trace().exp();
    const z = y.square();
    const loss = z.sum();
    disposeGraph(y, { keep: [z] });
    disposeGraph(loss);
    expect(z.data[0]).to.be.closeTo(Math.exp(2), 1e-5);
    expect(Number.isFinite(loss.item())).to.equal(true);
    expect(() => y.data).to.throw(TypeError, 'disposeGraph() has released');
    expect(() => backward(loss)).to.throw(TypeError, 'consumed');
    expect(() => {
      disposeGraph(x as never);
    }).to.throw(TypeError, 'a tensor with a tape');
    // After backward it has no effect.
    const other = x.trace().sum();
    backward(other).dispose();
    disposeGraph(other);
  });
});
