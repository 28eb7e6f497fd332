import { inspect } from 'node:util';
import {
  Adam,
  backward,
  BatchNorm2D,
  EarlyStopping,
  LearningRateScheduler,
  RMSprop,
  Sgd,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

describe('util.inspect of other objects', () => {
  it('shows the settings of an optimizer', () => {
    expect(inspect(new Sgd({ lr: 0.5, momentum: 0.9 }))).to.equal(
      'Sgd { lr: 0.5, momentum: 0.9, nesterov: false, l2: 0, decoupled: 0 }',
    );
    expect(inspect(new Adam({ lr: 0.25 }))).to.match(/^Adam \{ lr: 0\.25, steps: 0, beta1: 0\.9, /);
    expect(inspect({ optimizer: new RMSprop() })).to.match(/RMSprop \{ lr: 0\.01, alpha: 0\.9, /);
  });

  it('counts gradients', () => {
    const bn = new BatchNorm2D(2);
    const x = Tensor.randn([2, 2, 2, 2]);
    const gradients = backward(bn.forwardMut(x.trace()).square().mean());
    expect(inspect(gradients)).to.equal('Gradients (of 3 tensors)');
    new Sgd().update(bn, gradients);
    expect(inspect(gradients)).to.equal('Gradients (consumed by update())');
    const others = backward(bn.forwardMut(x.trace()).mean());
    others.dispose();
    expect(inspect(others)).to.equal('Gradients (disposed)');
  });

  it('shows how much memory the pool keeps', () => {
    const { bytes, limit } = storagePool;
    expect(inspect(storagePool)).to.equal(`StoragePool { bytes: ${bytes}, limit: ${limit} }`);
  });

  it('shows the state of a training', () => {
    const scheduler = new LearningRateScheduler(new Sgd(), (step) => 1 / (step + 1));
    scheduler.step = 3;
    expect(inspect(scheduler)).to.equal('LearningRateScheduler { step: 3, lr: 0.25 }');
    const stopping = new EarlyStopping({ patience: 2, mode: 'max', minDelta: 0.5 });
    const settings = 'patience: 2, mode: max, minDelta: 0.5';
    expect(inspect(stopping)).to.equal(
      `EarlyStopping { ${settings}, best: undefined, count: 0, sinceBest: 0 }`,
    );
    for (const value of [3, 1]) stopping.update(value);
    expect(inspect(stopping)).to.equal(`EarlyStopping { ${settings}, best: 3, count: 2, sinceBest: 1 }`);
  });

  it('throws in JSON.stringify if JSON would lose the content', () => {
    const bn = new BatchNorm2D(1);
    const gradients = backward(bn.forwardMut(Tensor.from([1, 2], [2, 1, 1, 1]).trace()).mean());
    expectError(() => JSON.stringify({ gradients }), TypeError, 'gradients.get(parameter)');
    const parts = [
      new LearningRateScheduler(new Sgd(), () => 1),
      new EarlyStopping({ patience: 1 }),
      ...[new Sgd(), new Adam(), new RMSprop()],
    ];
    for (const optimizer of parts) {
      expectError(() => JSON.stringify(optimizer), TypeError, 'saveCheckpoint()');
    }
    expect(JSON.parse(JSON.stringify(gradients.get(bn.bias)))).to.deep.equal({
      ...{ type: 'Tensor', shape: [1], data: [1] },
    });
  });
});
