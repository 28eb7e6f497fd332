import {
  BatchNorm2D,
  Conv2D,
  Flatten2D,
  GeneralizedResidual,
  Linear,
  recalibrate,
  Residual,
  Sequential,
  type Shape,
  storagePool,
  Tanh,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

const x = Tensor.from(values(seeded(1), 8 * 4 * 6 * 6), [8, 4, 6, 6]);
const rows = Tensor.from(values(seeded(2), 64 * 32), [64, 32]);

/** Bytes in the pool, empty before, after a call whose result was disposed of. */
function returnedBy(call: () => Tensor<Shape>): number {
  storagePool.clear();
  call().dispose();
  return storagePool.bytes;
}

const bytesOf = (...shapes: (readonly number[])[]) =>
  shapes.reduce((sum, shape) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);

const image = [8, 4, 6, 6];

describe('inference releases the memory of intermediate results:', () => {
  it('the product before the bias in Linear', () => {
    const linear = new Linear(32, 16);
    expect(returnedBy(() => linear.forward(rows))).to.equal(bytesOf([64, 16], [64, 16]));
  });

  it('all layers but the last in Sequential', () => {
    const net = new Sequential(new Tanh(), new Tanh(), new Tanh());
    // Two buffers suffice for three layers: the third reuses that of the first.
    expect(returnedBy(() => net.forward(rows))).to.equal(bytesOf([64, 32], [64, 32]));
  });

  it('a layer in Sequential before one that shares its memory', () => {
    const net = new Sequential(new Tanh(), new Flatten2D());
    expect(returnedBy(() => net.forward(x))).to.equal(bytesOf(image));
  });

  it('the inner result of Residual', () => {
    const block = new Residual(new Tanh());
    expect(returnedBy(() => block.forward(x))).to.equal(bytesOf(image, image));
  });

  it('both branches of GeneralizedResidual', () => {
    const block = new GeneralizedResidual(new Tanh(), new Conv2D(4, 4, 1));
    expect(returnedBy(() => block.forward(x))).to.equal(bytesOf(image, image, image));
  });

  it('all results of the batches in recalibrate', async () => {
    storagePool.clear();
    const bn = new BatchNorm2D(4);
    await recalibrate(bn, [x]);
    expect(storagePool.bytes).to.be.at.least(bytesOf(image));
    const { bytes } = storagePool;
    await recalibrate(bn, [x, x, x]);
    expect(storagePool.bytes).to.equal(bytes);
  });
});
