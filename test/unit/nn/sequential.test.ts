import {
  backward,
  BatchNorm2D,
  Flatten2D,
  Linear,
  type Module,
  type NamedTensor,
  parametersOf,
  ReLU,
  Sequential,
  Sgd,
  storagePool,
  Tensor,
  type Tensor2D,
  UnusedParamsError,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

const images = Tensor.from(values(seeded(1), 4 * 2 * 9), [4, 2, 3, 3]);
const make = () =>
  new Sequential(new BatchNorm2D(2), new ReLU(), new Flatten2D(), new Linear(18, 3, { rng: seeded(2) }));

/** A user's layer without parameters or mode. */
class Doubling implements Module<Tensor2D<number, 3>, Tensor2D<number, 3>> {
  forward(x: Tensor2D<number, 3>): Tensor2D<number, 3> {
    return x.mul(2);
  }
}

describe('Sequential', () => {
  it('infers with all its layers in order', () => {
    const net = make();
    const [norm, relu, flatten, linear] = net.layers;
    const expected = linear.forward(flatten.forward(relu.forward(norm.forward(images))));
    expect(net.forward(images).array()).to.deep.equal(expected.array());
  });

  it('trains all its layers', () => {
    const net = make();
    const before = net.parameters().map(([, tensor]) => [...tensor.clone().data]);
    const loss = net.forwardMut(images.trace()).square().mean();
    new Sgd({ lr: 0.1 }).update(net, backward(loss));
    net.parameters().forEach(([name, tensor], i) => {
      expect([...tensor.data], name).to.not.deep.equal(before[i]);
    });
  });

  it('has gradients that match finite differences', () => {
    const net = make();
    checkGradients(
      ([x]) =>
        net
          .forwardMut(x.reshape([4, 2, 3, 3]))
          .square()
          .mean(),
      [images],
      5e-3,
    );
  });

  it('names tensors after their position', () => {
    const names = make()
      .parameters()
      .map(([name]) => name);
    const norm = ['0.scale', '0.bias', '0.runningMean', '0.runningVar'];
    expect(names).to.deep.equal([...norm, '3.weight', '3.bias']);
    const nested = new Sequential(make(), new Linear(3, 1));
    expect(nested.parameters()[0][0]).to.equal('0.0.scale');
  });

  it('appears in messages with its path in the outer module', () => {
    const net = new Sequential(new ReLU(), new BatchNorm2D(2));
    const module = {
      parameters: (): readonly NamedTensor[] => parametersOf('net', net),
      update: net.update.bind(net),
    };
    const other = Tensor.ones([1]);
    const update = () => new Sgd().update(module, backward(other.trace().sum()));
    expectError(update, UnusedParamsError, 'net.1.scale', 'net.1.bias');
    const [, norm] = net.layers;
    expect([norm.scale.array(), norm.bias.array()]).to.deep.equal([
      [1, 1],
      [0, 0],
    ]);
  });

  it('releases intermediate results in inference', () => {
    const net = make();
    const x = Tensor.zeros([64, 2, 3, 3]);
    storagePool.clear();
    net.forward(x).dispose();
    const { bytes } = storagePool;
    // More than the result [64, 3]: at least the fused output of the batch norm and the ReLU.
    expect(bytes).to.be.at.least(4 * 64 * (3 + 18));
    for (let i = 0; i < 5; i++) net.forward(x).dispose();
    expect(storagePool.bytes).to.equal(bytes);
    expect(x.item.bind(x)).to.throw(RangeError); // not disposed of
    expect(x.data.length).to.equal(64 * 18);
  });

  it('accepts user-defined modules', () => {
    const doubling = new Sequential(new Linear(2, 3, { rng: seeded(3) }), new Doubling());
    const x = Tensor.from([1, 2], [1, 2]);
    const single = doubling.layers[0].forward(x).array()[0];
    expect(doubling.forward(x).array()[0]).to.deep.equal(single.map((value) => 2 * value));
    expect(doubling.forwardMut(x.trace()).array()[0]).to.deep.equal(single.map((v) => 2 * v));
  });

  it('keeps a tensor that a user’s layer passes through', () => {
    const identity = { forward: (x: Tensor2D<number, 2>) => x };
    const x = Tensor.from([1, 2], [1, 2]);
    const y = new Sequential(identity, identity).forward(x);
    expect(y.array()).to.deep.equal([[1, 2]]);
    expect(x.array()).to.deep.equal([[1, 2]]);
  });

  it('resets in place and clones deeply', () => {
    const net = make();
    const copy = net.clone();
    const again = () => net.parameters().map(([, tensor]) => [...tensor.clone().data]);
    net.resetParams(seeded(9));
    const first = again();
    net.resetParams(seeded(9));
    expect(again()).to.deep.equal(first);
    expect(copy.layers[3].weight.id).to.not.equal(net.layers[3].weight.id);
    expect(copy.layers[3].weight.array()).to.not.deep.equal(net.layers[3].weight.array());
    expect(copy.forward(images).shape).to.deep.equal([4, 3]);
  });

  it('returns its input if it has no layers', () => {
    expect(new Sequential().forward(images)).to.equal(images);
  });

  describe('refuses and changes nothing:', () => {
    it('an argument that is not a layer', () => {
      const construct = (...layers: unknown[]) => Reflect.construct(Sequential, layers) as object;
      expectError(() => construct(new ReLU(), {}), TypeError, 'forward() or forwardMut()', 'layers[1]');
      expectError(() => construct(null), TypeError, 'layers[0]', 'null');
    });

    it('the wrong mode', () => {
      const net = make();
      expectError(() => (net.forward as Untyped).call(net, images.trace()), TypeError, 'forwardMut');
      expectError(() => (net.forwardMut as Untyped).call(net, images), TypeError, 'trace()');
      expectError(() => (net.forward as Untyped).call(net, 1), TypeError, 'a Tensor for x');
      const training = { forwardMut: (x: unknown) => x };
      const onlyTraining = Reflect.construct(Sequential, [training]) as unknown as Sequential<[]>;
      expectError(() => onlyTraining.forward(images), TypeError, 'forward() in Object', ', in 0 (Object)');
    });

    it('input that a later layer refuses, leaving the statistics of earlier layers unchanged', () => {
      const layers = [new BatchNorm2D(2), new BatchNorm2D(3)];
      const net = Reflect.construct(Sequential, layers) as unknown as ReturnType<typeof make>;
      const before = JSON.stringify(net.layers[0]);
      expectError(() => (net.forwardMut as Untyped).call(net, images.trace()), RangeError, '3 channels');
      expect(JSON.stringify(net.layers[0])).to.equal(before);
    });

    it('to clone a layer that has no clone()', () => {
      const net = new Sequential(new Linear(2, 3), new Doubling());
      expectError(() => net.clone(), TypeError, 'clone() in Doubling', ', in 1 (Doubling)');
    });
  });
});

describe('ReLU', () => {
  it('accepts any shape, with or without a tape', () => {
    const relu = new ReLU();
    expect(relu.forward(Tensor.from([-1, 2], [2])).array()).to.deep.equal([0, 2]);
    const x = Tensor.from([[-1], [2]], [2, 1]);
    expect(backward(relu.forward(x.trace()).sum()).get(x)?.array()).to.deep.equal([[0], [1]]);
    expectError(() => (relu.forward as Untyped)([1]), TypeError, 'a Tensor for x');
  });
});

describe('Flatten2D', () => {
  it('flattens images to rows', () => {
    const flatten = new Flatten2D();
    expect(flatten.forward(images).shape).to.deep.equal([4, 18]);
    expectNear(flatten.forward(images).data, images.data, 0);
    expect(flatten.forward(Tensor.zeros([2, 3, 3])).shape).to.deep.equal([18]);
    expectError(() => (flatten.forward as Untyped)(Tensor.zeros([2])), RangeError, 'a 3D tensor');
  });
});
