import { BaseModule, compile, Linear, Sequential, type Shape, storagePool, Tanh, Tensor } from 'batchnorm';
import type { Storage } from '#lib/core/storage';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { takingStorage } from '../../support/storage-take.js';

type Rows = Tensor<readonly [number, 4]>;

/** Computes single rows with an operation that JavaScript computes on every backend, and more rows without one. */
class OtherEngine extends BaseModule {
  readonly linear = new Linear(4, 4, { rng: seeded(1) });
  forward(x: Rows): Rows {
    const y = this.linear.forward(x);
    return x.shape[0] === 1 ? y.sin() : y.exp();
  }
}

/** Needs more memory for single rows than for more of them. */
class LongerArena extends BaseModule {
  readonly widening = new Linear(4, 500, { rng: seeded(1) });
  readonly wide = new Linear(500, 600, { rng: seeded(2) });
  readonly narrowing = new Linear(600, 4, { rng: seeded(3) });
  forward(x: Rows): Rows {
    if (x.shape[0] > 1) return x.tanh().add(x);
    return this.narrowing.forward(this.wide.forward(this.widening.forward(x)));
  }
}

const inputShape: Shape = [3, 4];

const rows = (size: number, seed = size) =>
  Tensor.from<readonly [number, 4]>(values(seeded(seed), size * 4), [size, 4]);

const compiled = (model: OtherEngine | LongerArena, concurrency = 1) =>
  compile(model, inputShape, { concurrency });

describe('the calls of a plan for different batch sizes', () => {
  for (const Model of [OtherEngine, LongerArena]) {
    for (const sizes of [
      [1, 3, 2, 1],
      [3, 1, 1, 2],
    ]) {
      it(`computes batches of ${sizes.join(', ')} with ${Model.name} one after the other`, async () => {
        const model = new Model();
        const plan = compiled(model);
        for (const size of sizes) {
          const x = rows(size);
          expect((await plan.run(x)).array()).to.deep.equal(model.forward(x).array());
          expect(plan.runSync(x).array()).to.deep.equal(model.forward(x).array());
        }
        expect(plan.pending).to.equal(0);
        await plan.dispose();
      });
    }

    for (const concurrency of [1, 3]) {
      it(`computes waiting batches with ${Model.name}, ${concurrency} at a time`, async () => {
        const model = new Model();
        const plan = compiled(model, concurrency);
        const order: number[] = [];
        const calls = Array.from({ length: 30 }, async (_, i) => {
          const x = rows(1 + ((i * i) % 3), i);
          const y = await plan.run(x);
          order.push(i);
          expect(y.array()).to.deep.equal(model.forward(x).array());
        });
        await Promise.all(calls);
        if (concurrency === 1) expect(order).to.deep.equal([...order].sort((a, b) => a - b));
        expect(plan.pending).to.equal(0);
        await plan.dispose();
      });
    }
  }

  it('stops a call that waits for another engine, and those after it continue', async () => {
    const model = new OtherEngine();
    const plan = compiled(model);
    const controller = new AbortController();
    const first = plan.run(rows(3));
    const stopped = [1, 1].map((size) => plan.run(rows(size), { signal: controller.signal }));
    const others = [2, 1, 3].map((size) => plan.run(rows(size)));
    controller.abort('enough');
    for (const each of await Promise.allSettled(stopped)) {
      expect(each).to.deep.equal({ status: 'rejected', reason: 'enough' });
    }
    expect((await first).array()).to.deep.equal(model.forward(rows(3)).array());
    for (const [i, size] of [2, 1, 3].entries()) {
      expect((await others[i]).array()).to.deep.equal(model.forward(rows(size)).array());
    }
    await plan.dispose();
  });

  it('returns the memory of arenas that became too short', async () => {
    storagePool.clear();
    const plan = compiled(new LongerArena(), 2);
    for (const size of [3, 1, 3]) (await plan.run(rows(size))).dispose();
    const before = storagePool.bytes;
    const { arena } = plan.memory;
    expect(arena).to.be.at.least(600 * 4);
    await plan.dispose();
    expect(storagePool.bytes).to.equal(before + 2 * arena);
  });

  it('continues after a call for whose arenas there was no memory', async () => {
    const model = new LongerArena();
    const plan = compiled(model, 2);
    await plan.run(rows(3));
    // Compiles the program, which takes memory, too.
    plan.runSync(rows(1));
    const { arena } = plan.memory;
    const refuse = (act: () => unknown) =>
      takingStorage((length, take) => {
        if (length > 500) throw new RangeError('no memory for arenas');
        return take(length);
      }, act);
    await refuse(() => expectRejection(plan.run(rows(1)), RangeError, 'no memory for arenas'));
    // The second one starts when the first one has ended.
    await refuse(async () => {
      const calls = [3, 1, 2].map((size) => plan.run(rows(size)));
      const refused = expectRejection(calls[1], RangeError, 'no memory for arenas');
      for (const i of [0, 2]) {
        expect((await calls[i]).array()).to.deep.equal(model.forward(rows(3 - i / 2)).array());
      }
      await refused;
    });
    expect(plan.pending).to.equal(0);
    expect(plan.memory.arena).to.equal(arena);
    expect((await plan.run(rows(1))).array()).to.deep.equal(model.forward(rows(1)).array());
    await plan.dispose();
  });

  it('counts a call from the beginning, so that a model which disposes of the plan waits for it', async () => {
    let dispose = (): Promise<void> => Promise.resolve();
    let disposed: Promise<void> | undefined;
    class Disposing extends OtherEngine {
      override forward(x: Rows): Rows {
        if (x.shape[0] === 1) disposed ??= dispose();
        return super.forward(x);
      }
    }
    const model = new Disposing();
    const plan = compiled(model);
    dispose = () => plan.dispose();
    const y = await plan.run(rows(1));
    expect(y.array()).to.deep.equal(model.forward(rows(1)).array());
    await disposed;
    await expectRejection(plan.run(rows(1)), TypeError, 'disposed');
  });

  it('compares a new model for each of the listed batch sizes', () => {
    const plan = compile(new OtherEngine(), inputShape, { batchSizes: [1, 3] });
    class Cosine extends OtherEngine {
      override forward(x: Rows): Rows {
        return x.shape[0] === 1 ? this.linear.forward(x).cos() : super.forward(x);
      }
    }
    const before = plan.runSync(rows(1)).array();
    expectError(() => plan.update(new Cosine()), RangeError, 'other operations');
    expect(plan.runSync(rows(1)).array()).to.deep.equal(before);
    plan.update(new OtherEngine());
  });

  it('gives its memory back when there is not enough for a call', async () => {
    storagePool.clear();
    const plan = compile(new Sequential(new Linear(4, 2), new Tanh()), [3, 4]);
    const x = Tensor.zeros([3, 4]);
    const running = plan.run(x);
    plan.runSync(x).dispose();
    const before = storagePool.bytes;
    let attempts = 0;
    // For the result; the arena, or the copy of the input, is taken before.
    const refuseEverySecond = (length: number, take: (length: number) => Storage) => {
      if (attempts++ % 2 > 0) throw new RangeError('no memory');
      return take(length);
    };
    await takingStorage(refuseEverySecond, async () => {
      expectError(() => plan.runSync(x), RangeError, 'no memory');
      expect(storagePool.bytes).to.equal(before);
      await expectRejection(plan.run(x), RangeError, 'no memory');
    });
    expect(attempts).to.equal(4);
    await running;
    await plan.dispose();
  });
});
