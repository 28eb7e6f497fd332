import { getEventListeners } from 'node:events';
import { compile, Linear, Sequential, storagePool, Tanh, Tensor } from 'batchnorm';
import { backend } from '#lib/backend/index';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

/** With these sizes, `slow` computes for some tens of milliseconds. */
const [width, depth] = backend.info.name === 'portable' ? [64, 60] : [128, 200];

/** Usually long enough to be running while the next statements execute. */
const slow = () =>
  new Sequential(
    ...(Array.from(
      { length: depth },
      (_, i) => new Linear(width, width, { rng: seeded(i) }),
    ) as unknown as []),
    new Tanh(),
  );

const x = Tensor.from(values(seeded(5), width * width), [width, width]);
const small = (value: number) => Tensor.from([value, value, value], [1, 3]);
const tanh = () => new Sequential(new Tanh());

/** Repeats an attempt to stop calls until they have not ended before, as they may on a busy machine. */
async function untilStopped(attempt: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) if (await attempt()) return;
  expect.fail('No call was stopped');
}

describe('plan.run', () => {
  it('resolves with the result of runSync while the event loop runs', async () => {
    const plan = compile(slow(), [width, width]);
    const expected = plan.runSync(x).array();
    let settled = false;
    const promise = plan.run(x).finally(() => {
      settled = true;
    });
    expect(plan.pending).to.equal(1);
    // Results arrive by the event loop, not in microtasks.
    for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(settled).to.equal(false);
    expect((await promise).array()).to.deep.equal(expected);
    expect(plan.pending).to.equal(0);
  });

  it('computes calls in order, each from the values at the time of the call', async () => {
    const plan = compile(tanh(), [1, 3]);
    const input = small(0);
    const order: number[] = [];
    const calls = Array.from({ length: 20 }, async (_, i) => {
      input.data.fill(i / 10);
      const y = await plan.run(input);
      order.push(i);
      expect(y.array()).to.deep.equal(plan.runSync(small(i / 10)).array());
    });
    input.dispose();
    await Promise.all(calls);
    expect(order).to.deep.equal([...order].sort((a, b) => a - b));
  });

  it('does not notice that its input is transferred', async () => {
    const plan = compile(slow(), [width, width]);
    const own = x.clone();
    const promise = plan.run(own);
    structuredClone(own.data.buffer, { transfer: [own.data.buffer as ArrayBuffer] });
    expect((await promise).array()).to.deep.equal(plan.runSync(x).array());
  });

  it('computes several calls at a time with `concurrency`', async () => {
    const plan = compile(slow(), [width, width], { concurrency: 3 });
    const expected = plan.runSync(x).array();
    const results = await Promise.all(Array.from({ length: 7 }, () => plan.run(x)));
    for (const y of results) expect(y.array()).to.deep.equal(expected);
  });

  it('rejects a call while `maxQueue` calls are waiting', async () => {
    const plan = compile(tanh(), [1, 3], { concurrency: 2, maxQueue: 1 });
    const calls = [1, 2, 3].map((i) => plan.run(small(i)));
    const message = 'Expected at most 1 waiting calls of run()';
    await expectRejection(plan.run(small(4)), Error, message);
    await expectRejection(
      plan.run(small(4)).catch((error: unknown) => {
        throw new TypeError((error as { code: string }).code);
      }),
      TypeError,
      'ERR_BATCHNORM_QUEUE_FULL',
    );
    await Promise.all(calls);
    await plan.run(small(4));
  });

  it('writes the result into `out` at the end', async () => {
    const plan = compile(tanh(), [1, 3]);
    const out = Tensor.zeros([1, 3]);
    expect(await plan.run(small(1), { out })).to.equal(out);
    expect(out.array()).to.deep.equal(plan.runSync(small(1)).array());
    const lost = Tensor.zeros([1, 3]);
    const promise = plan.run(small(1), { out: lost });
    lost.dispose();
    await expectRejection(promise, TypeError, 'disposed');
  });

  it('stops a call whose signal is aborted and computes the next one', async () => {
    const plan = compile(slow(), [width, width]);
    const expected = plan.runSync(x).array();
    for (const wait of [() => undefined, () => new Promise((resolve) => setImmediate(resolve))]) {
      await untilStopped(async () => {
        const controller = new AbortController();
        const out = Tensor.ones([width, width]);
        const first = plan.run(x, { signal: controller.signal, out });
        const waiting = plan.run(x, { signal: controller.signal });
        const last = plan.run(x, { signal: new AbortController().signal });
        const outcomes = Promise.allSettled([first, waiting]);
        await wait();
        const reason = new Error('the client left');
        controller.abort(reason);
        const rejected = { status: 'rejected', reason };
        const isStopped = (await outcomes)[0].status === 'rejected';
        if (isStopped) {
          expect(await outcomes).to.deep.equal([rejected, rejected]);
          expect(out.array()).to.deep.equal(Tensor.ones([width, width]).array());
        }
        expect((await last).array()).to.deep.equal(expected);
        return isStopped;
      });
    }
    expect(plan.pending).to.equal(0);
  });

  it('rejects a signal that is aborted already with its reason', async () => {
    const plan = compile(tanh(), [1, 3]);
    expect(await plan.run(small(1), { signal: AbortSignal.abort('why') }).catch((e: unknown) => e)).to.equal(
      'why',
    );
    expect(plan.pending).to.equal(0);
  });

  it('ignores a signal that is aborted after the call', async () => {
    const plan = compile(tanh(), [1, 3]);
    const controller = new AbortController();
    await plan.run(small(1), { signal: controller.signal });
    controller.abort();
    await plan.run(small(1));
  });

  it('does not share memory with a call of runSync', async () => {
    const plan = compile(slow(), [width, width]);
    const other = Tensor.from(values(seeded(6), width * width), [width, width]);
    const expected = [x, other].map((each) => plan.runSync(each).array());
    for (let i = 0; i < 3; i++) {
      const promise = plan.run(x);
      expect(plan.runSync(other).array()).to.deep.equal(expected[1]);
      expect((await promise).array()).to.deep.equal(expected[0]);
    }
  });

  it('adds one listener to a signal that many calls share, and removes it', async () => {
    const plan = compile(tanh(), [1, 3]);
    const { signal } = new AbortController();
    const calls = Array.from({ length: 20 }, (_, i) => plan.run(small(i), { signal }));
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await calls[0];
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await Promise.all(calls);
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
    const again = plan.run(small(1), { signal });
    expect(getEventListeners(signal, 'abort')).to.have.length(1);
    await again;
  });

  it('stops every call with the signal, and no other one', async () => {
    const plan = compile(slow(), [width, width], { concurrency: 2 });
    await untilStopped(async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const outcomes = Promise.allSettled(Array.from({ length: 12 }, () => plan.run(x, { signal })));
      const other = plan.run(x, { signal: new AbortController().signal });
      controller.abort('enough');
      const stopped = (await outcomes).filter(({ status }) => status === 'rejected');
      for (const each of stopped) expect(each).to.deep.equal({ status: 'rejected', reason: 'enough' });
      expect((await other).array()).to.deep.equal(plan.runSync(x).array());
      expect(getEventListeners(signal, 'abort')).to.have.length(0);
      return stopped.length === 12;
    });
  });

  it('finishes the calls before an update with the old weights', async () => {
    const model = slow();
    const plan = compile(model, [width, width]);
    const before = plan.runSync(x).array();
    const old = [plan.run(x), plan.run(x)];
    for (const [name, tensor] of model.parameters()) if (name.endsWith('bias')) tensor.data.fill(3);
    plan.update(model);
    const next = plan.run(x);
    for (const call of old) expect((await call).array()).to.deep.equal(before);
    const after = (await next).array();
    expect(after).not.to.deep.equal(before);
    expect(after).to.deep.equal(plan.runSync(x).array());
  });

  it('is disposed of after its last call', async () => {
    const plan = compile(tanh(), [1, 3]);
    let settled = 0;
    {
      await using scoped = plan;
      for (const i of [1, 2, 3]) void scoped.run(small(i)).then(() => settled++);
    }
    expect(settled).to.equal(3);
    expectError(() => plan.runSync(small(1)), TypeError, 'disposed');
    await expectRejection(plan.run(small(1)), TypeError, 'disposed');
    expectError(() => plan.update(tanh()), TypeError, 'disposed');
    await plan.dispose();
  });

  it('returns its memory', async () => {
    storagePool.clear();
    const plan = compile(slow(), [width, width], { concurrency: 2 });
    const [a, b] = await Promise.all([plan.run(x), plan.run(x)]);
    a.dispose();
    b.dispose();
    const controller = new AbortController();
    const stopped = plan.run(x, { signal: controller.signal });
    controller.abort();
    await stopped.catch(() => undefined);
    const { arena } = plan.memory;
    const before = storagePool.bytes;
    // The inputs and the results of two calls.
    expect(before).to.be.at.least(4 * width * width * 4);
    await plan.dispose();
    expect(storagePool.bytes).to.equal(before + 2 * arena);
  });

  it('rejects for wrong arguments', async () => {
    const plan = compile(tanh(), [1, 3]);
    const run = (...args: unknown[]) => (plan.run as Untyped).apply(plan, args) as Promise<unknown>;
    await expectRejection(run(1), TypeError, 'Tensor');
    await expectRejection(run(Tensor.zeros([1, 4])), RangeError, '[1, 4]');
    await expectRejection(run(small(1).trace()), TypeError, 'tape');
    await expectRejection(run(small(1), { signal: {} }), TypeError, 'AbortSignal');
    await expectRejection(run(small(1), { signal: { aborted: false } }), TypeError, 'AbortSignal');
    await expectRejection(run(small(1), { out: 1 }), TypeError, 'out');
    await expectRejection(run(small(1), { timeout: 1 }), TypeError, 'timeout');
    await expectRejection(run(small(1), {}, 1), TypeError, 'argument');
    expect(plan.pending).to.equal(0);
  });
});
