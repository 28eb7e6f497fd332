import { backward, BatchNorm2D, Linear, ReLU, Residual, Sequential, Sgd, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const x = Tensor.from(values(seeded(1), 24), [3, 2, 2, 2]);

describe('Residual', () => {
  it('adds its input to the result of the inner module', () => {
    const norm = new BatchNorm2D(2);
    norm.bias.data.set([1, -1]);
    const block = new Residual(new Sequential(norm, new ReLU()));
    const inside = norm.forward(x).relu().data;
    expectNear(
      block.forward(x).data,
      inside.map((value, i) => value + x.data[i]),
      0,
    );
    const trained = norm.clone().forwardMut(x.trace()).relu().data;
    expectNear(
      block.forwardMut(x.trace()).data,
      trained.map((value, i) => value + x.data[i]),
      0,
    );
  });

  it('has gradients that match finite differences', () => {
    const block = new Residual(new BatchNorm2D(2));
    checkGradients(
      ([a]) =>
        block
          .forwardMut(a.reshape([3, 2, 2, 2]))
          .square()
          .mean(),
      [x],
      5e-3,
    );
  });

  it('trains the inner module', () => {
    const block = new Residual(new BatchNorm2D(2));
    new Sgd().update(block, backward(block.forwardMut(x.trace()).square().mean()));
    expect(block.f.scale.array()).to.not.deep.equal([1, 1]);
    expect(block.parameters().map(([name]) => name)).to.include('0.scale');
    block.resetParams(Math.random);
    expect(block.f.scale.array()).to.deep.equal([1, 1]);
    expect(block.clone().f.scale.id).to.not.equal(block.f.scale.id);
  });

  it('refuses an inner module that changes the shape, and changes nothing', () => {
    const norm = new BatchNorm2D(2);
    const flattening = { forward: (y: Tensor<readonly [3, 2, 2, 2]>) => y.reshape([3, 8]) };
    const block = Reflect.construct(Residual, [
      new Sequential(norm, flattening),
    ]) as unknown as Residual<ReLU>;
    const before = JSON.stringify(norm);
    const shapes = ['the result of f', '[3, 2, 2, 2]', '[3, 8]'];
    expectError(() => block.forwardMut(x.trace()), RangeError, ...shapes);
    expectError(() => block.forward(x), RangeError, ...shapes);
    expect(JSON.stringify(norm)).to.equal(before);
  });

  it('refuses the wrong mode and arguments that are not layers', () => {
    const block = new Residual(new Linear(2, 2));
    const rows = Tensor.zeros([1, 2]);
    expectError(() => (block.forward as Untyped).call(block, rows.trace()), TypeError, 'forwardMut');
    expectError(() => (block.forwardMut as Untyped).call(block, rows), TypeError, 'trace()');
    expectError(() => Reflect.construct(Residual, [5]) as object, TypeError, 'for f', '5');
  });
});
