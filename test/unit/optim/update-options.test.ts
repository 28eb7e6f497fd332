import {
  Adam,
  backward,
  clipGradNorm,
  Linear,
  RMSprop,
  Sequential,
  Sgd,
  Tensor,
  UnusedParamsError,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { Parameter } from '../../support/parameter.js';

/** Two layers of which the loss depends only on the first. */
class Branches extends Sequential<[Linear<2, 1>, Linear<2, 1>]> {
  constructor() {
    super(new Linear(2, 1), new Linear(2, 1) as never);
    this.layers[0].weight.data.set([1, -2]);
  }
  loss() {
    return this.layers[0].forward(Tensor.from([3, 5], [1, 2]).trace({ gradient: false })).sum();
  }
}

const makers = [
  () => new Sgd({ lr: 0.1, momentum: 0.5 }),
  () => new Adam({ lr: 0.1, weightDecay: { decoupled: 0.1 } }),
  () => new RMSprop({ lr: 0.1, momentum: 0.5, centered: true }),
];

describe('update options', () => {
  for (const make of makers) {
    const { name } = make().constructor;

    it(`${name} with skipUnused leaves parameters without a gradient alone`, () => {
      const [whole, part] = [new Branches(), new Branches()];
      whole.layers[1].weight.data.set([7, 8]);
      const [used, unused] = whole.layers;
      const optimizer = make();
      const alone = make();
      for (let step = 0; step < 3; step++) {
        optimizer.update(whole, backward(whole.loss()), { skipUnused: true });
        alone.update(part.layers[0], backward(part.loss()));
      }
      expect(used.weight.array()).to.deep.equal(part.layers[0].weight.array());
      expect(used.weight.array()).not.to.deep.equal([[1, -2]]);
      expect(unused.weight.array()).to.deep.equal([[7, 8]]);
      const gradients = backward(whole.loss());
      expectError(() => optimizer.update(whole, gradients), UnusedParamsError, '1.weight, 1.bias');
    });

    it(`${name} with keepGradients leaves them to another optimizer`, () => {
      const [shared, single] = [new Parameter(), new Parameter()];
      const gradients = backward(shared.loss());
      make().update(shared, gradients, { keepGradients: true });
      expect(gradients.get(shared.w)?.array()).to.deep.equal([3, 5]);
      make().update(shared, gradients);
      expectError(() => gradients.get(shared.w), TypeError, 'update()');
      for (let i = 0; i < 2; i++) make().update(single, backward(single.loss()));
      expect(shared.w.array()).to.deep.equal(single.w.array());
    });

    it(`${name} refuses wrong options and changes nothing`, () => {
      const optimizer = make();
      const update = optimizer.update.bind(optimizer) as Untyped;
      const module = new Parameter();
      const gradients = backward(module.loss());
      const wrong = (options: unknown) => () => update(module, gradients, options);
      expectError(wrong({ skipUnused: 1 }), TypeError, 'a boolean for skipUnused', '1');
      expectError(wrong({ keepGradients: 'x' }), TypeError, 'a boolean for keepGradients', '"x"');
      expectError(wrong({ skip: true }), TypeError, 'skipUnused, keepGradients', '"skip"');
      expectError(wrong(true), TypeError, 'for options', 'true');
      expect(module.w.array()).to.deep.equal([1, -2]);
      expect(gradients.get(module.w)?.array()).to.deep.equal([3, 5]);
    });
  }
});

describe('clipGradNorm', () => {
  it('only measures up to Infinity', () => {
    const module = new Parameter();
    const gradients = backward(module.loss());
    expect(clipGradNorm(module, gradients, Infinity)).to.be.closeTo(Math.hypot(3, 5), 1e-12);
    expect(gradients.get(module.w)?.array()).to.deep.equal([3, 5]);
    for (const max of [NaN, -Infinity, 0]) {
      expectError(
        () => clipGradNorm(module, gradients, max),
        RangeError,
        'a positive number for max',
        String(max),
      );
    }
  });

  it('with skipUnused measures and scales the gradients that exist', () => {
    const module = new Branches();
    const { weight } = module.layers[0];
    const gradients = backward(module.loss());
    const norm = Math.sqrt(9 + 25 + 1);
    expectError(() => clipGradNorm(module, gradients, 1), UnusedParamsError, '1.weight');
    expect(clipGradNorm(module, gradients, norm / 2, { skipUnused: true })).to.be.closeTo(norm, 1e-12);
    expect(gradients.get(weight)?.array()).to.deep.equal([[1.5, 2.5]]);
    const clip = clipGradNorm as Untyped;
    expectError(() => clip(module, gradients, 1, { skipUnused: 0 }), TypeError, 'for skipUnused', '0');
    expectError(() => clip(module, gradients, 1, { optimizer: 1 }), TypeError, 'for optimizer', '1');
    expectError(() => clip(module, gradients, 1, { skip: true }), TypeError, 'skipUnused', '"skip"');
  });

  for (const make of [Sgd, Adam, RMSprop]) {
    it(`does not count parameters that ${make.name} freezes`, () => {
      const module = new Branches();
      const { weight, bias } = module.layers[0];
      const groups = ['1.', '0.bias'].map((match) => ({ match, freeze: true }));
      const gradients = backward(module.loss());
      const norm = clipGradNorm(module, gradients, Math.sqrt(34) / 2, { optimizer: new make({ groups }) });
      expect(norm).to.be.closeTo(Math.sqrt(34), 1e-12);
      expectNear(gradients.get(weight)?.array()[0] ?? [], [1.5, 2.5], 1e-6);
      expect(gradients.get(bias)?.array()).to.deep.equal([1]);
      const own = { update: () => undefined };
      expectError(
        () => clipGradNorm(module, gradients, 1, { optimizer: own }),
        UnusedParamsError,
        '1.weight',
      );
    });
  }
});
