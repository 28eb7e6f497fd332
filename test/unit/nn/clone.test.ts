import {
  backward,
  BatchNorm2D,
  compile,
  Conv2D,
  FrozenBatchNorm2D,
  GeneralizedResidual,
  Linear,
  type NamedTensor,
  Residual,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

interface Cloneable {
  parameters(): readonly NamedTensor[];
  clone(): Cloneable;
}

const layers: Readonly<Record<string, () => Cloneable>> = {
  BatchNorm2D: () => new BatchNorm2D(3),
  FrozenBatchNorm2D: () => FrozenBatchNorm2D.from(new BatchNorm2D(3)),
  Linear: () => new Linear(4, 3),
  Conv2D: () => new Conv2D(2, 3, 3),
  Sequential: () => new Sequential(new Conv2D(2, 3, 1), new BatchNorm2D(3)),
  Residual: () => new Residual(new BatchNorm2D(3)),
  GeneralizedResidual: () => new GeneralizedResidual(new Conv2D(2, 3, 1), new Conv2D(2, 3, 1)),
};

/** Different values in every tensor, so that no two of them can be confused. */
function fill(module: Cloneable): void {
  module.parameters().forEach(([, { data }], i) => data.set(values(seeded(i + 1), data.length)));
}

const contents = (module: Cloneable) => module.parameters().map(([name, { data }]) => [name, ...data]);

describe('clone', () => {
  for (const [name, make] of Object.entries(layers)) {
    it(`copies every tensor of ${name} and shares none`, () => {
      const layer = make();
      fill(layer);
      const before = contents(layer);
      const copy = layer.clone();
      expect(copy).to.be.instanceOf(layer.constructor);
      expect(contents(copy)).to.deep.equal(before);
      layer.parameters().forEach(([path, tensor], i) => {
        const [, other] = copy.parameters()[i];
        expect(other.id, path).to.not.equal(tensor.id);
        expect(other.data.buffer, path).to.not.equal(tensor.data.buffer);
        expect(other.shape, path).to.deep.equal(tensor.shape);
      });
      for (const [, { data }] of copy.parameters()) data.fill(9);
      expect(contents(layer)).to.deep.equal(before);
    });
  }

  it('copies epsilon, momentum and the batch count of BatchNorm2D', () => {
    const bn = new BatchNorm2D(1, { epsilon: 0.25, momentum: 'cumulative' });
    const train = (layer: BatchNorm2D<1>, mean: number) =>
      layer.forwardMut(Tensor.from([mean - 1, mean + 1], [2, 1, 1, 1]).trace());
    for (const mean of [1, 2]) train(bn, mean);
    const copy = bn.clone();
    expect(copy.toJSON()).to.deep.equal(bn.toJSON());
    expect(copy.toJSON()).to.include({ epsilon: 0.25, momentum: 'cumulative', batches: 2 });
    train(copy, 6);
    expect(copy.runningMean.item()).to.be.closeTo(3, 1e-6);
    expect(bn.runningMean.item()).to.be.closeTo(1.5, 1e-6);
    expect(bn.toJSON().batches).to.equal(2);
  });

  it('gets no gradient from a loss of the original', () => {
    const bn = new BatchNorm2D(1);
    const copy = bn.clone();
    const x = Tensor.from([1, 3], [2, 1, 1, 1]);
    const gradients = backward(bn.forwardMut(x.trace()).square().sum());
    for (const own of [bn.scale, bn.bias]) expect(gradients.get(own)).to.not.equal(undefined);
    for (const [path, tensor] of copy.parameters()) {
      expect(gradients.get(tensor), path).to.equal(undefined);
    }
  });

  it('copies the settings of Conv2D', () => {
    const copy = new Conv2D(2, 3, 3, { stride: 2, padding: 1, bias: false }).clone();
    expect([copy.stride, copy.padding, copy.bias]).to.deep.equal([2, 1, undefined]);
  });

  it('refuses a clone() of a user-defined layer that returns no object', () => {
    for (const copy of [undefined, null, 3]) {
      const layer = { forward: (x: unknown) => x, clone: () => copy };
      const net = new Sequential(layer as never);
      expectError(() => net.clone(), TypeError, 'a module for clone() of', String(copy));
      const model = layer as never as Sequential<[]>;
      expectError(() => compile(model, [1, 2]), TypeError, 'a module for clone() of model');
    }
  });
});
