import {
  backward,
  BatchNorm2D,
  GeneralizedResidual,
  Linear,
  NpzReader,
  ReLU,
  Sequential,
  Sgd,
  Square,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const rows = Tensor.from(values(seeded(1), 8), [4, 2]);

describe('GeneralizedResidual', () => {
  const directory = temporaryDirectory();

  it('adds the results of both branches, as in dfdx', () => {
    const layer = new GeneralizedResidual(new ReLU(), new Square());
    const x = Tensor.from([-2, -1, 0, 1, 2], [5]);
    expect(layer.forward(x).array()).to.deep.equal([4, 1, 0, 2, 6]);
    expect(layer.forwardMut(x.trace()).array()).to.deep.equal([4, 1, 0, 2, 6]);
    expect(x.array()).to.deep.equal([-2, -1, 0, 1, 2]);
  });

  it('accepts a branch that returns its input', () => {
    const identity = { forward: (x: Tensor<readonly [4, 2]>) => x };
    const layer = new GeneralizedResidual(identity, identity);
    expect(layer.forward(rows).array()).to.deep.equal(rows.mul(2).array());
    expect(rows.array()).to.have.length(4);
  });

  it('has gradients that match finite differences', () => {
    const layer = new GeneralizedResidual(
      new Sequential(new Linear(2, 3, { rng: seeded(2) }), new Square()),
      new Linear(2, 3, { rng: seeded(3) }),
    );
    checkGradients(
      ([a]) =>
        layer
          .forwardMut(a.reshape([4, 2]))
          .square()
          .mean(),
      [rows],
      5e-3,
    );
  });

  it('trains, resets, clones and names both branches', () => {
    const layer = new GeneralizedResidual(new Linear(2, 5), new Linear(2, 5));
    expect(layer.parameters().map(([name]) => name)).to.deep.equal([
      'f.weight',
      'f.bias',
      'r.weight',
      'r.bias',
    ]);
    const before = layer.parameters().map(([, tensor]) => JSON.stringify(tensor.array()));
    new Sgd({ lr: 1 }).update(layer, backward(layer.forwardMut(rows.trace()).square().mean()));
    layer.parameters().forEach(([, tensor], i) => {
      expect(JSON.stringify(tensor.array())).to.not.equal(before[i]);
    });
    const copy = layer.clone();
    expect(copy.r.weight.id).to.not.equal(layer.r.weight.id);
    expect(copy.forward(rows).array()).to.deep.equal(layer.forward(rows).array());
    layer.resetParams(() => 0.5);
    expect(layer.r.bias.array()).to.deep.equal([0, 0, 0, 0, 0]);
  });

  it("has dfdx's keys in files", async () => {
    const path = directory('block.npz');
    const make = () =>
      new Sequential(new ReLU(), new GeneralizedResidual(new Linear(2, 3), new Linear(2, 3)));
    const [first, second] = [make(), make()];
    await first.save(path);
    await second.load(path);
    expect(second.forward(rows).array()).to.deep.equal(first.forward(rows).array());
    // dfdx prefixes f with `{prefix}.f` and r with `{prefix}.r`, without a dot after either.
    const zip = await NpzReader.open(path);
    expect(zip.names).to.deep.equal(['1..fweight.npy', '1..fbias.npy', '1..rweight.npy', '1..rbias.npy']);
    const [, block] = first.layers;
    const weights = Tensor.zeros([3, 2]);
    const biases = Tensor.zeros([3]);
    for (const way of ['f', 'r'] as const) {
      await zip.tensor(`1..${way}weight.npy`, weights);
      await zip.tensor(`1..${way}bias.npy`, biases);
      expect(weights.array(), way).to.deep.equal(block[way].weight.array());
      expect(biases.array(), way).to.deep.equal(block[way].bias.array());
    }
    zip.close();
    const other = new Sequential(
      new ReLU(),
      new GeneralizedResidual(new Linear(2, 3), new Linear(2, 4) as never),
    );
    await expectRejection(other.load(path), Error, '1..rweight.npy');
  });

  it('refuses branches with results of different shapes and changes nothing', () => {
    const norm = new BatchNorm2D(2);
    const flattening = { forward: (y: Tensor<readonly [3, 2, 2, 2]>) => y.reshape([3, 8]) };
    const made: unknown = Reflect.construct(GeneralizedResidual, [norm, flattening]);
    const layer = made as GeneralizedResidual<ReLU, ReLU>;
    const x = Tensor.from(values(seeded(4), 24), [3, 2, 2, 2]);
    const before = JSON.stringify(norm);
    const parts = ['the result of r', '[3, 2, 2, 2]', '[3, 8]'];
    expectError(() => layer.forwardMut(x.trace()), RangeError, ...parts);
    expectError(() => layer.forward(x), RangeError, ...parts);
    expect(JSON.stringify(norm)).to.equal(before);
  });

  it('refuses the wrong mode and arguments that are not layers', () => {
    const layer = new GeneralizedResidual(new ReLU(), new ReLU());
    expectError(() => (layer.forward as Untyped).call(layer, rows.trace()), TypeError, 'forwardMut');
    expectError(() => (layer.forwardMut as Untyped).call(layer, rows), TypeError, 'trace()');
    const make = (...given: unknown[]) => Reflect.construct(GeneralizedResidual, given) as object;
    expectError(() => make(5, new ReLU()), TypeError, 'for f', '5');
    expectError(() => make(new ReLU(), {}), TypeError, 'for r');
  });
});
