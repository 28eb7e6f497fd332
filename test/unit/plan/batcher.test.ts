import { getEventListeners } from 'node:events';
import { Batcher, compile, Linear, Sequential, Tanh, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { seeded } from '../../support/random.js';

const net = () => new Sequential(new Linear(3, 2, { rng: seeded(1) }), new Tanh());
const sample = (value: number) => Tensor.from([value, 1, -value], [3]);

/** Longer than any test, so that only a full batch starts. */
const never = 1e6;

describe('Batcher', () => {
  it('computes a full batch at once, and each sample gets its own result', async () => {
    const plan = compile(net(), [4, 3]);
    const batcher = new Batcher(plan, { maxDelay: never });
    const results = await Promise.all([0, 1, 2, 3].map((i) => batcher.run(sample(i))));
    for (const [i, y] of results.entries()) {
      expect(y.shape).to.deep.equal([2]);
      const alone = plan.runSync(sample(i).reshape([1, 3])).array();
      expect([y.array()]).to.deep.equal(alone);
    }
    const { batchSizes, batches, samples, queueLength, running, latency } = batcher.statistics;
    expect({ batches, samples, queueLength, running }).to.deep.equal({
      ...{ batches: 1, samples: 4, queueLength: 0, running: 0 },
    });
    expect(batchSizes).to.deep.equal([0, 0, 0, 0, 1]);
    expect(latency.p50).to.be.greaterThan(0);
    expect(latency.max).to.be.at.least(latency.p99);
  });

  it('adds one listener to a signal that many samples share, and removes it', async () => {
    const batcher = new Batcher(compile(net(), [4, 3]), { maxDelay: 0 });
    const { signal } = new AbortController();
    const results = Array.from({ length: 20 }, (_, i) => batcher.run(sample(i), { signal }));
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await results[0];
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await Promise.all(results);
    await batcher.dispose();
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('computes a running batch to its end while somebody waits for it', async () => {
    const wide = new Sequential(new Linear(3, 512), new Linear(512, 512), new Linear(512, 2));
    const plan = compile(wide, [2, 3]);
    const batcher = new Batcher(plan, { maxDelay: never });
    const controller = new AbortController();
    // Usually still before the batch when its signal is aborted.
    const others = Array.from({ length: 20 }, () => plan.run(Tensor.zeros([2, 3])));
    const gone = batcher.run(sample(1), { signal: controller.signal });
    const other = batcher.run(sample(2));
    expect(batcher.statistics.running).to.equal(2);
    controller.abort('gone');
    expect(await gone.catch((reason: unknown) => reason)).to.equal('gone');
    await Promise.all(others);
    expect([(await other).array()]).to.deep.equal(plan.runSync(sample(2).reshape([1, 3])).array());
  });

  it('rejects all samples of a signal, and computes the others', async () => {
    const plan = compile(net(), [4, 3]);
    const batcher = new Batcher(plan, { maxDelay: 0 });
    const controller = new AbortController();
    const results = Array.from({ length: 10 }, (_, i) =>
      batcher.run(sample(i), i % 2 === 0 ? { signal: controller.signal } : {}),
    );
    const settled = Promise.allSettled(results);
    controller.abort('gone');
    for (const [i, result] of (await settled).entries()) {
      if (i % 2 === 0) expect(result).to.deep.equal({ status: 'rejected', reason: 'gone' });
      else expect(result.status).to.equal('fulfilled');
    }
  });

  it('starts a smaller batch after maxDelay', async () => {
    const batcher = new Batcher(compile(net(), [4, 3]), { maxDelay: 20 });
    const start = performance.now();
    const promises = [1, 2, 3].map((i) => batcher.run(sample(i)));
    expect(batcher.statistics.queueLength).to.equal(3);
    await Promise.all(promises);
    expect(performance.now() - start).to.be.at.least(19);
    expect(batcher.statistics.batchSizes).to.deep.equal([0, 0, 0, 1, 0]);
  });

  it('fills batches while the plan is busy, in order', async () => {
    const batcher = new Batcher(compile(net(), [8, 3]), { maxBatch: 2, maxDelay: 0 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 7 }, async (_, i) => {
        await batcher.run(sample(i));
        order.push(i);
      }),
    );
    expect(order).to.deep.equal([0, 1, 2, 3, 4, 5, 6]);
    expect(batcher.statistics.batchSizes).to.deep.equal([0, 1, 3]);
  });

  it('fills a batch up with zeros to one of the batch sizes of the plan', async () => {
    const plan = compile(net(), [8, 3], { batchSizes: [2, 8] });
    const batcher = new Batcher(plan, { maxDelay: 0 });
    const results = await Promise.all([0, 1, 2].map((i) => batcher.run(sample(i))));
    const x = Tensor.from(
      [0, 1, 2].flatMap((i) => sample(i).array()).concat(new Array<number>(15).fill(0)),
      [8, 3],
    );
    const expected = plan.runSync(x).array().slice(0, 3);
    expect(results.map((y) => y.array())).to.deep.equal(expected);
  });

  it('copies its samples', async () => {
    const batcher = new Batcher(compile(net(), [2, 3]), { maxDelay: never });
    const x = sample(1);
    const first = batcher.run(x);
    x.data.fill(9);
    x.dispose();
    const second = batcher.run(sample(1));
    expect((await first).array()).to.deep.equal((await second).array());
  });

  it('forgets a waiting sample whose signal is aborted', async () => {
    const batcher = new Batcher(compile(net(), [3, 3]), { maxDelay: never });
    const controller = new AbortController();
    const left = batcher.run(sample(1), { signal: controller.signal });
    const others = [batcher.run(sample(2))];
    controller.abort('gone');
    expect(await left.catch((reason: unknown) => reason)).to.equal('gone');
    expect(batcher.statistics.queueLength).to.equal(1);
    others.push(batcher.run(sample(3)), batcher.run(sample(4)));
    await Promise.all(others);
    expect(batcher.statistics.samples).to.equal(3);
  });

  it('stops a batch for which nobody waits, but not for others', async () => {
    const plan = compile(net(), [2, 3]);
    const batcher = new Batcher(plan, { maxDelay: never });
    const controllers = [1, 2, 3].map(() => new AbortController());
    const [a, b, c] = controllers.map((each, i) => batcher.run(sample(i), { signal: each.signal }));
    const d = batcher.run(sample(4));
    for (const each of controllers) each.abort('gone');
    for (const each of [a, b, c]) expect(await each.catch((reason: unknown) => reason)).to.equal('gone');
    await Promise.race([d, new Promise((resolve) => setTimeout(resolve, 20))]);
    await batcher.dispose();
    expect([await d].map((y) => [y.array()])).to.deep.equal([
      plan.runSync(sample(4).reshape([1, 3])).array(),
    ]);
    // The first two count, too, if their batch had ended before it could be stopped.
    expect(batcher.statistics.samples).to.be.oneOf([1, 3]);
  });

  it('rejects a sample while maxQueue samples are waiting', async () => {
    const batcher = new Batcher(compile(net(), [8, 3]), { maxDelay: 5, maxQueue: 2 });
    const calls = [batcher.run(sample(1)), batcher.run(sample(2))];
    await expectRejection(batcher.run(sample(3)), Error, 'Expected at most 2 waiting samples');
    await Promise.all(calls);
    await batcher.run(sample(3));
  });

  it('passes the error of a batch on to its samples, and continues', async () => {
    const plan = compile(net(), [2, 3]);
    const batcher = new Batcher(plan, { maxDelay: 1 });
    await batcher.run(sample(1));
    await plan.dispose();
    await expectRejection(batcher.run(sample(1)), TypeError, 'This plan was disposed');
    expect(batcher.statistics).to.deep.include({ running: 0, queueLength: 0 });
  });

  it('computes the waiting samples when it is disposed of', async () => {
    const batcher = new Batcher(compile(net(), [8, 3]), { maxDelay: never });
    let settled = 0;
    for (const i of [1, 2, 3]) void batcher.run(sample(i)).then(() => settled++);
    await batcher.dispose();
    expect(settled).to.equal(3);
    await expectRejection(batcher.run(sample(1)), TypeError, 'disposed');
    await batcher.dispose();
  });

  it('has no latencies at first', () => {
    const { latency } = new Batcher(compile(net(), [2, 3])).statistics;
    expect(latency).to.deep.equal({ p50: NaN, p90: NaN, p99: NaN, max: NaN });
  });

  it('refuses wrong arguments', async () => {
    const plan = compile(net(), [4, 3]);
    const make =
      (...args: unknown[]) =>
      () =>
        Reflect.construct(Batcher, args) as unknown;
    expectError(make({}), TypeError, 'plan');
    expectError(make(plan, { maxBatch: 5 }), RangeError, 'maxBatch', 'at most 4');
    expectError(make(plan, { maxBatch: 0 }), RangeError, 'maxBatch');
    expectError(make(plan, { maxDelay: -1 }), RangeError, 'maxDelay');
    expectError(make(plan, { maxQueue: 0 }), RangeError, 'maxQueue');
    expectError(make(plan, { delay: 0 }), TypeError, 'delay');
    const batcher = new Batcher(plan);
    const run = (...args: unknown[]) => (batcher.run as Untyped).apply(batcher, args) as Promise<unknown>;
    await expectRejection(run(1), TypeError, 'sample');
    await expectRejection(run(Tensor.zeros([1, 3])), RangeError, 'sample', '[3]', '[1, 3]');
    await expectRejection(run(sample(1), { signal: {} }), TypeError, 'AbortSignal');
    await expectRejection(
      run(sample(1), { signal: AbortSignal.abort(new RangeError('left')) }),
      RangeError,
      'left',
    );
    expect(batcher.statistics.queueLength).to.equal(0);
  });
});
