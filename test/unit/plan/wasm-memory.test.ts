import { setImmediate } from 'node:timers/promises';
import {
  BatchNorm2D,
  compile,
  Conv2D,
  Flatten2D,
  fold,
  Linear,
  ReLU,
  Sequential,
  storagePool,
  Tensor,
} from 'batchnorm';
import { backend } from '#lib/backend/index';
import { WasmInstance } from '#lib/backend/wasm/instance';
import { storageOf } from '#lib/tensor';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

/** Every tensor has at least as many values as the backend gives memory of its own. */
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
    const calls = [plan.run(input()), plan.run(input())];
    const before = storageOf(input()).values.buffer;
    const kept = [];
    while (plan.pending > 0) {
      kept.push(Tensor.zeros([8_000_000]));
      await setImmediate();
    }
    expect(storageOf(input()).values.buffer).to.not.equal(before);
    for (const result of await Promise.all(calls)) expect(result.array()).to.deep.equal(expected);
    expect(plan.runSync(input()).array()).to.deep.equal(expected);
    for (const each of kept) each.dispose();
    storagePool.clear();
  });
});
