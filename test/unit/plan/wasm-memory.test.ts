import {
  Batcher,
  BatchNorm2D,
  compile,
  Conv2D,
  Flatten2D,
  fold,
  Linear,
  ReLU,
  Sequential,
  storagePool,
  Tanh,
  Tensor,
} from 'batchnorm';
import { backend } from '#lib/backend/index';
import { WasmInstance } from '#lib/backend/wasm/instance';
import type { Storage } from '#lib/core/storage';
import { storageOf } from '#lib/tensor';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { takingStorage } from '../../support/storage-take.js';

/** Every tensor is large enough to be placed in the module's memory. */
const network = () =>
  new Sequential(
    new Conv2D(32, 32, 3, { padding: 1, rng: seeded(1) }),
    new BatchNorm2D(32),
    new ReLU(),
    new Flatten2D(),
    new Linear(32 * 64, 40, { rng: seeded(2) }),
  );
const input = () => Tensor.from(values(seeded(3), 2 * 32 * 64), [2, 32, 8, 8]);

describe('plans in the memory of WebAssembly', () => {
  before(function () {
    if (backend.info.name !== 'wasm') this.skip();
  });

  /** Makes views of that memory useless, unless it is shared. */
  function grow(): void {
    const before = storageOf(input()).values.buffer;
    const kept = [];
    let buffer = before;
    while (buffer === before) {
      const large = Tensor.zeros([8_000_000]);
      kept.push(large);
      ({ buffer } = storageOf(large).values);
    }
    for (const each of kept) each.dispose();
    storagePool.clear();
  }

  /** The bytes that operations copy into that memory while `act` runs. */
  async function copiedBytes(act: () => unknown): Promise<number> {
    const { prototype } = WasmInstance;
    const allocateCopy = Object.getOwnPropertyDescriptor(prototype, 'allocateCopy') as {
      value: (bytes: number) => number;
    };
    let copied = 0;
    prototype.allocateCopy = function (this: WasmInstance, bytes) {
      copied += bytes;
      return allocateCopy.value.call(this, bytes);
    };
    try {
      await act();
    } finally {
      prototype.allocateCopy = allocateCopy.value;
    }
    return copied;
  }

  it('copy no array for an operation', async () => {
    const plan = compile(network(), [2, 32, 8, 8]);
    const x = input();
    expect(await copiedBytes(() => plan.runSync(x))).to.equal(0);
    expect(await copiedBytes(() => plan.run(x))).to.equal(0);
    // A tensor of a user's array is copied, and noticed by this test.
    const adopted = Tensor.adopt(values(seeded(3), 2 * 32 * 64), [2, 32, 8, 8]);
    expect(await copiedBytes(() => plan.runSync(adopted))).to.equal(2 * 32 * 64 * 4);
  });

  it('compute the same while that memory grows', async () => {
    const net = network();
    const plan = compile(net, [2, 32, 8, 8], { concurrency: 2 });
    const expected = fold(net).forward(input()).array();
    // They compute when the event loop runs.
    const calls = [plan.run(input()), plan.run(input())];
    grow();
    for (const result of await Promise.all(calls)) expect(result.array()).to.deep.equal(expected);
    grow();
    expect(plan.runSync(input()).array()).to.deep.equal(expected);
  });

  it('are compiled for another batch size from the numbers of the first compilation after that memory has grown', () => {
    const shared = new Linear(64, 40, { rng: seeded(4) });
    // A copy that shares its tensors with the original.
    shared.clone = () => shared;
    const plan = compile(shared, [2, 64]);
    const x = Tensor.from(values(seeded(5), 64), [1, 64]);
    const expected = shared.forward(x).array();
    grow();
    storageOf(shared.weight).values.fill(0);
    expect(plan.runSync(x).array()).to.deep.equal(expected);
  });

  it('give the samples of a Batcher their results while that memory grows with each copy', async () => {
    const samples = [6, 7].map((seed) => Tensor.from(values(seeded(seed), 2048), [2048]));
    const batcher = new Batcher(compile(new Tanh(), [2, 2048]), { maxDelay: 1e6 });
    let isGrowing = false;
    const takeAfterGrowth = (length: number, take: (length: number) => Storage) => {
      if (length === 2048 && !isGrowing) {
        isGrowing = true;
        grow();
        isGrowing = false;
      }
      return take(length);
    };
    await takingStorage(takeAfterGrowth, async () => {
      const results = await Promise.all(samples.map((each) => batcher.run(each)));
      for (const [i, y] of results.entries()) {
        expect(y.array()).to.deep.equal(new Tanh().forward(samples[i]).array());
      }
    });
    await batcher.dispose();
  });
});
