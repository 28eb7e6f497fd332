import { backward, BatchNorm2D, Sgd, storagePool, Tensor } from 'batchnorm';
import { named } from '#lib/backend/argument';
import { backend } from '#lib/backend/index';
import { storageOf } from '#lib/tensor';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { emulated } from '../../support/node-process.js';

const length = 5000;

describe('storage', () => {
  beforeEach(() => {
    storagePool.clear();
  });

  it('stays with the remaining owners if another one is disposed of twice', () => {
    const x = Tensor.ones([length]);
    const alias = x.detach();
    x.dispose();
    x.dispose();
    const later = Tensor.zeros([length]);
    expect(alias.array().every((value) => value === 1)).to.equal(true);
    later.dispose();
    alias.dispose();
  });

  it('is recycled by length after dispose()', () => {
    const first = Tensor.zeros([length]);
    const memory = storageOf(first).values;
    first.dispose();
    expect(storagePool.bytes).to.equal(4 * length);
    expect(storageOf(Tensor.zeros([50, 100])).values).to.equal(memory);
    expect(storagePool.bytes).to.equal(0);
  });

  it('is never recycled after its data was read', () => {
    const first = Tensor.ones([length]);
    const view = first.data;
    first.dispose();
    expect(storagePool.bytes).to.equal(0);
    Tensor.zeros([length]);
    expect(view.every((value) => value === 1)).to.equal(true);
  });

  it('is never recycled if it was adopted', () => {
    Tensor.adopt(new Float32Array(length), [length]).dispose();
    expect(storagePool.bytes).to.equal(0);
  });

  it('stays while another tensor shares it', () => {
    const x = Tensor.ones([length]);
    const alias = x.reshape([50, 100]);
    x.dispose();
    expect(storagePool.bytes).to.equal(0);
    expect(alias.sum().item()).to.equal(length);
    alias.dispose();
    expect(storagePool.bytes).to.equal(4 * length);
  });

  it('returns to the pool after backward: all recorded tensors except leaves', () => {
    const x = Tensor.ones([length]);
    const loss = x.trace().square().exp().mean();
    const gradients = backward(loss);
    // The results of square and exp and one intermediate gradient; another one became the gradient of x,
    // which belongs to the user. The gradient of the loss itself is one value.
    expect(storagePool.bytes).to.equal(3 * 4 * length + 4);
    expect(x.sum().item()).to.equal(length);
    expect(gradients.get(x)).to.not.equal(undefined);
  });

  it('of gradients returns to the pool after update', () => {
    const bn = new BatchNorm2D(length);
    const x = Tensor.ones([2, length, 1, 1]);
    const gradients = backward(bn.forwardMut(x.trace()).square().mean());
    const before = storagePool.bytes;
    new Sgd().update(bn, gradients);
    // dx has two values per channel, dscale and dbias one.
    expect(storagePool.bytes - before).to.equal(4 * (2 + 1 + 1) * length);
    expectError(() => gradients.get(bn.scale), TypeError, 'update() has consumed');
  });

  it('is enough for a training loop of constant shapes without new memory', () => {
    const bn = new BatchNorm2D(4);
    const sgd = new Sgd({ lr: 0.01, momentum: 0.9 });
    const x = Tensor.ones([8, 4, 16, 16]);
    const step = () => {
      sgd.update(bn, backward(bn.forwardMut(x.trace()).square().exp().mean()));
    };
    step();
    // The first step keeps the velocities, which it took from the pool.
    step();
    const after = storagePool.bytes;
    const memories = new Set<ArrayBufferLike>();
    for (let i = 0; i < 20; i++) {
      step();
      expect(storagePool.bytes).to.equal(after);
      const probe = Tensor.zeros([8, 4, 16, 16]);
      memories.add(storageOf(probe).values.buffer);
      probe.dispose();
    }
    expect(memories.size).to.be.at.most(6);
  });

  it('is reused so that a step after warm-up faults in under 1 % of the pages it writes', function () {
    // The kernel counts page faults; under emulation they would be the emulator's.
    if (emulated) this.skip();
    const bn = new BatchNorm2D(16);
    const sgd = new Sgd();
    const x = Tensor.ones([16, 16, 112, 112]);
    const step = () => {
      sgd.update(bn, backward(bn.forwardMut(x.trace()).square().mean()));
    };
    for (let i = 0; i < 3; i++) step();
    const steps = 15;
    const before = process.resourceUsage().minorPageFault;
    for (let i = 0; i < steps; i++) step();
    const faults = (process.resourceUsage().minorPageFault - before) / steps;
    // y, its square, and the gradients of mean, square and batch norm; pages of 4 KiB.
    const written = (5 * 4 * 16 * 16 * 112 * 112) / 4096;
    expect(faults / written).to.be.below(0.01);
  });

  it('is aligned to cache lines from a certain size on', () => {
    for (const length of [4096, 5001, 2_000_000]) {
      const { data } = Tensor.zeros([length]);
      expect(data).to.have.length(length);
      expect(backend.bytesToCacheLine(named('buffer', data)), `length ${length}`).to.equal(0);
    }
  });

  it('of a dropped graph is left to the garbage collector', () => {
    const x = Tensor.ones([length]);
    x.trace().square().exp();
    expect(storagePool.bytes).to.equal(0);
    expect(x.square().mean().item()).to.equal(1);
  });

  describe('pool', () => {
    const { limit } = storagePool;

    afterEach(() => {
      storagePool.limit = limit;
    });

    it('stays below its limit by dropping the oldest lengths', () => {
      storagePool.limit = 3 * 4 * length;
      Tensor.zeros([length]).dispose();
      Tensor.zeros([2 * length]).dispose();
      expect(storagePool.bytes).to.equal(3 * 4 * length);
      Tensor.zeros([length + 1]).dispose();
      expect(storagePool.bytes).to.equal(4 * (length + 1));
      Tensor.zeros([9 * length]).dispose();
      expect(storagePool.bytes).to.be.at.most(3 * 4 * length);
    });

    it('shrinks with its limit and can be emptied', () => {
      Tensor.zeros([length]).dispose();
      storagePool.limit = 0;
      expect(storagePool.bytes).to.equal(0);
      storagePool.limit = limit;
      Tensor.zeros([length]).dispose();
      storagePool.clear();
      expect(storagePool.bytes).to.equal(0);
    });

    it('keeps a bounded number of small arrays, whose overhead exceeds their size', () => {
      const tensors = Array.from({ length: 3000 }, () => Tensor.zeros([2]));
      for (const tensor of tensors) tensor.dispose();
      expect(storagePool.bytes).to.equal(1024 * 4 * 2);
    });

    it('refuses a limit that is not a number of bytes', () => {
      expectError(() => (storagePool.limit = -1), RangeError, 'for limit', '-1');
      expectError(() => (storagePool.limit = '1' as never), TypeError, 'for limit', '"1"');
    });
  });
});
