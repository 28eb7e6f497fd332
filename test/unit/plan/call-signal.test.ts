import { Batcher, compile, Linear, Sequential, storagePool, Tanh, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

/** What `run` accepts as a signal: anything with the members of an `AbortSignal`. */
interface Signal {
  aborted: boolean;
  reason: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

const signal = (members: Partial<Signal> = {}): Signal => ({
  ...{ aborted: false, reason: undefined, addEventListener: () => undefined },
  ...{ removeEventListener: () => undefined },
  ...members,
});

/** A member that throws when it is called. */
const throws = (error: unknown) => (): never => {
  throw error;
};

const width = 64;
const net = () =>
  new Sequential(
    new Linear(width, width, { rng: seeded(1) }),
    new Tanh(),
    new Linear(width, width, { rng: seeded(2) }),
  );
const x = Tensor.from(values(seeded(3), width * width), [width, width]);
const sample = Tensor.from(values(seeded(4), width), [width]);

const failed = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('Expected a rejection'),
    (reason: unknown) => reason,
  );

describe('signals that are no AbortSignal', () => {
  const reason = new Error('mine');

  it('starts nothing if addEventListener() throws', async () => {
    const size = 128;
    const layers = Array.from({ length: 10 }, (_, i) => new Linear(size, size, { rng: seeded(i) }));
    const plan = compile(new Sequential(...(layers as unknown as [])), [size, size]);
    const input = Tensor.from(values(seeded(5), size * size), [size, size]);
    // The next call would wait for these, usually until its memory is used again.
    const others = Array.from({ length: 10 }, () => plan.run(input));
    storagePool.clear();
    const call = plan.run(input, { signal: signal({ addEventListener: throws(reason) }) });
    const error = await failed(call);
    const { bytes } = storagePool;
    const reused = [1, 2].map(() => Tensor.zeros([size, size]));
    expect(error).to.equal(reason);
    expect(plan.pending).to.equal(10);
    // The copy of the input and the memory of the result.
    expect(bytes).to.equal(2 * size * size * 4);
    // Calls end in order: a call that had started would have written its result by now.
    expect((await plan.run(input)).array()).to.deep.equal(plan.runSync(input).array());
    for (const each of reused) expect(each.data.every((value) => value === 0)).to.equal(true);
    await Promise.all(others);
    await plan.dispose();
  });

  it('returns the result although removeEventListener() throws', async () => {
    const plan = compile(net(), [width, width]);
    const odd = signal({ removeEventListener: throws(reason) });
    for (let i = 0; i < 2; i++) {
      expect((await plan.run(x, { signal: odd })).array()).to.deep.equal(plan.runSync(x).array());
    }
    expect(plan.pending).to.equal(0);
    await plan.dispose();
  });

  it('rejects if the signal is aborted while its listener is added, with or without a call of it', async () => {
    for (const isNotified of [true, false]) {
      const plan = compile(net(), [width, width]);
      const odd = signal({ reason });
      odd.addEventListener = (_type, listener) => {
        odd.aborted = true;
        if (isNotified) listener();
      };
      expect(await failed(plan.run(x, { signal: odd }))).to.equal(reason);
      expect(plan.pending).to.equal(0);
      await plan.dispose();
    }
  });

  it('computes a call whose signal disposes of the plan, and releases the memory after it', async () => {
    const plan = compile(net(), [width, width]);
    const expected = plan.runSync(x).array();
    let disposed: Promise<void> | undefined;
    const odd = signal({ addEventListener: () => void (disposed = plan.dispose()) });
    expect((await plan.run(x, { signal: odd })).array()).to.deep.equal(expected);
    await disposed;
  });

  it('rejects with what reading the reason throws', async () => {
    const batcher = new Batcher(compile(net(), [2, width]), { maxDelay: 1e6 });
    let abort = (): void => undefined;
    const odd = signal({ addEventListener: (_type, listener) => void (abort = listener) });
    Object.defineProperty(odd, 'reason', { get: throws(reason) });
    const left = [1, 2].map(() => batcher.run(sample, { signal: odd }));
    left.push(batcher.run(sample, { signal: odd }));
    odd.aborted = true;
    abort();
    for (const each of left) expect(await failed(each)).to.equal(reason);
    await batcher.dispose();
    expect(batcher.statistics).to.deep.include({ queueLength: 0, running: 0 });
  });

  it('lets no sample wait whose signal throws', async () => {
    const plan = compile(net(), [2, width]);
    const batcher = new Batcher(plan, { maxDelay: 1e6 });
    const call = batcher.run(sample, { signal: signal({ addEventListener: throws(reason) }) });
    expect(await failed(call)).to.equal(reason);
    expect(batcher.statistics.queueLength).to.equal(0);
    const odd = signal({ removeEventListener: throws(reason) });
    const results = await Promise.all([1, 2].map(() => batcher.run(sample, { signal: odd })));
    const [expected] = plan.runSync(sample.reshape([1, width])).array();
    for (const y of results) expect(y.array()).to.deep.equal(expected);
    await batcher.dispose();
  });

  it('rejects a sample whose signal is aborted while its listener is added', async () => {
    for (const isNotified of [true, false]) {
      const batcher = new Batcher(compile(net(), [2, width]), { maxDelay: 1e6 });
      const odd = signal({ reason });
      odd.addEventListener = (_type, listener) => {
        odd.aborted = true;
        if (isNotified) listener();
      };
      expect(await failed(batcher.run(sample, { signal: odd }))).to.equal(reason);
      expect(batcher.statistics.queueLength).to.equal(0);
      await batcher.dispose();
    }
  });
});
