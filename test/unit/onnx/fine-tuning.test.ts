import {
  Adam,
  AvgPoolGlobal,
  backward,
  BatchNorm2D,
  compile,
  Conv2D,
  crossEntropyWithLogitsLoss,
  fold,
  GeneralizedResidual,
  Linear,
  MaxPool2D,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  Tensor,
} from 'batchnorm';
import { exportOnnx, importOnnx, type OnnxModel } from 'batchnorm/onnx';
import { expect } from 'chai';
import { expectNear } from '../../support/expect-near.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const rng = seeded(12);

const conv = (from: number, to: number, size: number, stride = 1) =>
  new Conv2D(from, to, size, { stride, padding: (size - 1) / 2, bias: false, rng });

/** A small ResNet: a stem, a block that keeps the shape, one that halves rows and columns, and a head. */
function resnet() {
  const block = (from: number, to: number, stride: number) =>
    new Sequential(
      conv(from, to, 3, stride),
      new BatchNorm2D(to),
      new ReLU(),
      conv(to, to, 3),
      new BatchNorm2D(to),
    );
  return new Sequential(
    ...[conv(1, 6, 3), new BatchNorm2D(6), new ReLU(), new MaxPool2D(3, { stride: 2, padding: 1 })],
    ...[new Residual(block(6, 6, 1)), new ReLU()],
    new GeneralizedResidual(block(6, 12, 2), new Sequential(conv(6, 12, 1, 2), new BatchNorm2D(12))),
    ...[new ReLU(), new AvgPoolGlobal(), new Linear(12, 2, { rng })],
  );
}

/** Images with stripes in one direction or the other. */
const count = 32;
const size = 12;
const classes = Array.from({ length: count }, (_, i) => i % 2);
const images = Tensor.from(
  classes.flatMap((vertical) => {
    const phase = 4 * rng();
    return Array.from({ length: size * size }, (_, i) => {
      const place = vertical === 1 ? i % size : Math.floor(i / size);
      return Math.sin((2 * Math.PI * (place + phase)) / 4) + 0.3 * (rng() - 0.5);
    });
  }),
  [count, 1, size, size],
);

/** Trains for some steps, and returns the loss of each. */
function train(net: OnnxModel, steps: number): readonly number[] {
  const optimizer = new Adam({ lr: 0.01 });
  return Array.from({ length: steps }, () => {
    const loss = crossEntropyWithLogitsLoss(net.forwardMut(images.trace()) as never, classes);
    optimizer.update(net, backward(loss));
    return loss.item();
  });
}

const valuesOf = (tensors: readonly (readonly [string, Tensor<Shape>])[], match: RegExp) =>
  tensors.filter(([name]) => match.test(name)).map(([, { data }]) => Array.from(data));

describe('fine-tuning an imported ResNet', () => {
  const path = temporaryDirectory();
  let net: OnnxModel;

  beforeEach(async () => {
    const source = resnet();
    // As after some training elsewhere.
    for (const [name, tensor] of source.parameters()) {
      if (name.endsWith('runningMean')) tensor.data.set(Array.from(tensor.data, () => rng() - 0.5));
      if (name.endsWith('runningVar')) tensor.data.set(Array.from(tensor.data, () => 0.5 + rng()));
    }
    await exportOnnx(source, path('resnet.onnx'), { input: [1, 1, size, size], dynamicBatch: true });
    net = await importOnnx(path('resnet.onnx'));
    expectNear(net.forward(images).data, (source.forward(images as never) as Tensor<Shape>).data, 1e-5);
  });

  const norms = () => net.layers.filter((layer) => layer instanceof BatchNorm2D);

  it('lowers the loss; batch norms remain batch norms, and their statistics change', () => {
    expect(norms()).to.have.length(6);
    const before = valuesOf(net.state(), /running/);
    const losses = train(net, 15);
    expect(losses[14]).to.be.lessThan(losses[0] / 3);
    expect(norms()).to.have.length(6);
    valuesOf(net.state(), /running/).forEach((values, i) => {
      expect(values).not.to.deep.equal(before[i]);
    });
  });

  it('freezes by name: only the head learns, until the rest is unfrozen', () => {
    const learnedOf = (match: RegExp) =>
      valuesOf(
        net.parameters().filter(([name]) => !name.includes('running')),
        match,
      );
    const [head, others] = [/^9\./, /^[0-8]\./];
    const [headBefore, othersBefore] = [learnedOf(head), learnedOf(others)];
    expect([headBefore.length, othersBefore.length]).to.deep.equal([2, 18]);
    net.freeze(others);
    const losses = train(net, 20);
    expect(losses[19]).to.be.lessThan(losses[0]);
    expect(learnedOf(others)).to.deep.equal(othersBefore);
    expect(learnedOf(head)).not.to.deep.equal(headBefore);
    net.unfreeze();
    train(net, 1);
    learnedOf(others).forEach((values, i) => {
      expect(values).not.to.deep.equal(othersBefore[i]);
    });
  });

  it('folds and compiles after training; the plan is bit-identical to the folded network', () => {
    train(net, 3);
    const folded = fold(net);
    expect(folded.layers.some((layer) => layer instanceof BatchNorm2D)).to.equal(false);
    const wanted = net.forward(images);
    expectNear(folded.forward(images).data, wanted.data, 1e-4);
    const plan = compile(net, [count, 1, size, size]);
    expect(plan.runSync(images).data).to.deep.equal(folded.forward(images).data);
  });

  it('is saved, and exported again with what it learned', async () => {
    train(net, 3);
    await net.save(path('tuned.npz'));
    await exportOnnx(net, path('tuned.onnx'), { input: [1, 1, size, size], dynamicBatch: true });
    const [again, exported] = [await importOnnx(path('resnet.onnx')), await importOnnx(path('tuned.onnx'))];
    await again.load(path('tuned.npz'));
    expect(again.forward(images).data).to.deep.equal(net.forward(images).data);
    expect(exported.forward(images).data).to.deep.equal(net.forward(images).data);
  });
});
