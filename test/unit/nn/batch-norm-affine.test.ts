import { inspect } from 'node:util';
import {
  backward,
  type BaseModule,
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  Conv2D,
  fold,
  FrozenBatchNorm2D,
  NpzReader,
  recalibrate,
  ReLU,
  Residual,
  Sequential,
  Sgd,
  type Shape,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const rng = seeded(3);

const random = <S extends Shape>(shape: S, deviation = 1, mean = 0): Tensor<S> =>
  Tensor.from(
    values(
      rng,
      shape.reduce((product, size) => product * size, 1),
      deviation,
      mean,
    ),
    shape,
  );

/** A layer without parameters whose statistics are those of no default. */
function plain() {
  const bn = new BatchNorm2D(3, { affine: false, epsilon: 1e-3 });
  bn.runningMean.data.set([1, -2, 0.5]);
  bn.runningVar.data.set([4, 0.25, 1.5]);
  return bn;
}

/** A layer with a scale of ones and a bias of zeros, and with the same statistics. */
function affineTwin(bn: BatchNorm2D<3, false>): BatchNorm2D<3> {
  const twin = new BatchNorm2D(3, { epsilon: bn.epsilon, momentum: bn.momentum });
  twin.runningMean.data.set(bn.runningMean.data);
  twin.runningVar.data.set(bn.runningVar.data);
  return twin;
}

const names = (module: BaseModule) => module.parameters().map(([name]) => name);

describe('batch norm without scale and bias', () => {
  const path = temporaryDirectory();

  it('has no parameters', () => {
    for (const bn of [
      new BatchNorm1D(3, { affine: false }),
      new BatchNorm2D(3, { affine: false }),
      new BatchNorm3D(3, { affine: false }),
      new FrozenBatchNorm2D(3, { affine: false, trainable: true }),
    ]) {
      expect(bn.scale).to.equal(undefined);
      expect(bn.bias).to.equal(undefined);
      expect(names(bn)).to.deep.equal(['runningMean', 'runningVar']);
      expect(inspect(bn)).to.include('affine: false').and.include('6 parameters, none trainable');
    }
    expect(inspect(new BatchNorm2D(3))).to.not.include('affine');
  });

  it('is bit-identical to a scale of ones and a bias of zeros', () => {
    const x = random([4, 3, 5, 7], 3, 1);
    const residual = random([4, 3, 5, 7]);
    const dy = random([4, 3, 5, 7]);
    for (const fused of [false, true]) {
      const bn = plain();
      const twin = affineTwin(bn);
      const [one, two] = [bn, twin].map((layer) => {
        const inferred = fused ? layer.forwardRelu(x, residual) : layer.forward(x);
        const y = fused ? layer.forwardMutRelu(x.trace(), residual.trace()) : layer.forwardMut(x.trace());
        const gradients = backward(y.mul(dy).sum(), { keep: [y] });
        const results = [inferred, y, gradients.get(x), layer.runningMean, layer.runningVar];
        if (fused) results.push(gradients.get(residual));
        return results.map((each) => each?.array());
      });
      expect(one).to.deep.equal(two);
      expect(one).to.not.include(undefined);
    }
  });

  it('has gradients that match finite differences', () => {
    const weights = random([4, 3, 2, 2]);
    checkGradients(
      ([a]) =>
        plain()
          .forwardMut(a.reshape([4, 3, 2, 2]))
          .square()
          .mul(weights)
          .sum(),
      [random([4, 3, 2, 2])],
      2e-3,
    );
  });

  it('runs fused with the ReLU after it', () => {
    const bn = plain();
    const net = new Sequential(new Residual(new Sequential(bn)), new ReLU());
    const x = random([2, 3, 4, 4]);
    const expected = bn.forward(x).add(x).relu().array();
    expect(net.forward(x).array()).to.deep.equal(expected);
  });

  it('is trained by an optimizer only through the other layers', () => {
    const net = new Sequential(new Conv2D(3, 3, 1, { bias: false, rng }), plain());
    const before = net.layers[0].weight.array();
    const gradients = backward(
      net
        .forwardMut(random([4, 3, 4, 4]).trace())
        .square()
        .mul(random([4, 3, 4, 4]))
        .sum(),
    );
    new Sgd({ lr: 0.1 }).update(net, gradients);
    expect(net.layers[0].weight.array()).to.not.deep.equal(before);
  });

  it('is cloned and reset', () => {
    const bn = plain();
    const copy = bn.clone();
    const x = random([2, 3, 3, 3]);
    expect(copy.forward(x).array()).to.deep.equal(bn.forward(x).array());
    expect(copy.runningMean.id).to.not.equal(bn.runningMean.id);
    copy.resetParams();
    expect(copy.runningVar.array()).to.deep.equal([1, 1, 1]);
    expect(bn.runningVar.array()).to.deep.equal([4, 0.25, 1.5]);
    expect(copy.forward(x).array()).to.deep.equal(new BatchNorm2D(3, { epsilon: 1e-3 }).forward(x).array());
  });

  it('is frozen', () => {
    const bn = plain();
    const x = random([2, 3, 3, 3]);
    for (const trainable of [false, true]) {
      const frozen = FrozenBatchNorm2D.from(bn, { trainable });
      expect(frozen.scale).to.equal(undefined);
      expect(frozen.forward(x).array()).to.deep.equal(bn.forward(x).array());
      const gradients = backward(frozen.forward(x.trace()).sum());
      const slopes = [4, 0.25, 1.5].map((variance) => Math.fround(1 / Math.sqrt(variance + 1e-3)));
      gradients.get(x)?.data.forEach((value, i) => {
        expect(value).to.be.closeTo(slopes[Math.floor(i / 9) % 3], 1e-6);
      });
    }
    expectError(
      () => FrozenBatchNorm2D.from(bn, { affine: true } as never),
      TypeError,
      'trainable',
      'affine',
    );
  });

  it('is saved without parameters, and refuses files with some', async () => {
    const bn = plain();
    await bn.save(path('plain.npz'));
    await bn.saveSafetensors(path('plain.safetensors'));
    const reader = await NpzReader.open(path('plain.npz'));
    expect([...reader.names].sort()).to.deep.equal([
      'epsilon.npy',
      'momentum.npy',
      'running_mean.npy',
      'running_var.npy',
    ]);
    reader.close();
    for (const load of [
      (to: BaseModule) => to.load(path('plain.npz')),
      (to: BaseModule) => to.loadSafetensors(path('plain.safetensors')),
    ]) {
      const copy = new BatchNorm2D(3, { affine: false });
      await load(copy);
      expect(copy.runningMean.array()).to.deep.equal([1, -2, 0.5]);
      expect(copy.runningVar.array()).to.deep.equal([4, 0.25, 1.5]);
    }
    const affine = affineTwin(bn);
    await affine.save(path('affine.npz'));
    await affine.saveSafetensors(path('affine.safetensors'));
    const refusal = async (run: Promise<unknown>): Promise<string> =>
      run.then(
        () => 'loaded',
        (error: unknown) => String(error),
      );
    expect(await refusal(bn.load(path('affine.npz')))).to.include('scale.npy');
    expect(await refusal(bn.loadSafetensors(path('affine.safetensors')))).to.include('weight');
    expect(await refusal(affine.load(path('plain.npz')))).to.include('scale');
    expect(await refusal(affine.loadSafetensors(path('plain.safetensors')))).to.include('weight');
  });

  it('keeps the option in JSON, and reads JSON of earlier layers', () => {
    const json = plain().toJSON();
    expect(json).to.include({ type: 'BatchNorm2D', channels: 3, affine: false });
    expect(json).to.not.have.any.keys('scale', 'bias');
    expect(new BatchNorm2D(3).toJSON()).to.not.have.property('affine');
    const copy = BatchNorm2D.fromJSON(JSON.parse(JSON.stringify(json)));
    expect(copy.scale).to.equal(undefined);
    expect(copy.toJSON()).to.deep.equal(json);
    const read = (changes: object) => () => BatchNorm2D.fromJSON({ ...json, ...changes });
    expectError(read({ affine: 'no' }), TypeError, 'a boolean', 'json.affine');
    expectError(read({ affine: true }), TypeError, 'an array', 'json.scale');
    expectError(read({ channels: 1e9 }), RangeError, 'json.runningMean', '3');
  });

  it('is recalibrated', async () => {
    const bn = plain();
    const twin = affineTwin(bn);
    const batches = [random([2, 3, 3, 3], 2, 1), random([2, 3, 3, 3])];
    await recalibrate(bn, batches);
    await recalibrate(twin, batches);
    expect(bn.runningMean.array()).to.deep.equal(twin.runningMean.array());
    expect(bn.runningVar.array()).to.deep.equal(twin.runningVar.array());
    expect(bn.runningMean.array()).to.not.deep.equal([1, -2, 0.5]);
  });

  it('is folded into the convolution before it', () => {
    const bn = plain();
    const net = new Sequential(new Conv2D(2, 3, 3, { bias: false, rng }), bn);
    const twin = new Sequential(net.layers[0], affineTwin(bn));
    const folded = fold(net).layers[0];
    expect(folded.weight.array()).to.deep.equal(fold(twin).layers[0].weight.array());
    expect(folded.bias?.array()).to.deep.equal(fold(twin).layers[0].bias?.array());
  });

  it('accepts only a boolean', () => {
    const create = (Class: unknown, affine: unknown) => () =>
      (Reflect.construct as Untyped)(Class, [3, { affine }]);
    for (const Class of [BatchNorm1D, BatchNorm2D, BatchNorm3D, FrozenBatchNorm2D]) {
      expectError(create(Class, 0), TypeError, 'a boolean', 'affine');
      expectError(create(Class, 'false'), TypeError, 'a boolean', 'affine');
    }
  });
});
