import { backend, setNumThreads, Tensor } from 'batchnorm';
import { workerHost } from '#lib/backend/wasm-workers';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

const hasWorkers = workerHost(undefined) !== undefined;

describe('setNumThreads', () => {
  const before = backend.threads;

  afterEach(() => {
    setNumThreads(before);
  });

  it('sets backend.threads, which is always 1 on a backend that computes on one thread', () => {
    const forced = process.env.BATCHNORM_NUM_THREADS;
    const isOne = backend.name === 'portable' || (backend.name === 'wasm' && (forced === '1' || !hasWorkers));
    for (const count of [1, 3, 256]) {
      setNumThreads(count);
      expect(backend.threads).to.equal(isOne ? 1 : count);
    }
  });

  it('does not change a sum and a product that several threads share', () => {
    const x = Tensor.from(
      Float32Array.from({ length: 2_100_000 }, (_, i) => Math.sin(i)),
      [2_100_000],
    );
    const a = Tensor.from(
      Float32Array.from({ length: 300 * 200 }, (_, i) => Math.cos(i)),
      [300, 200],
    );
    const results = [1, 2, 5].map((count) => {
      setNumThreads(count);
      return [x.sum().item(), a.matmul(a.reshape([200, 300])).array()];
    });
    expect(results[1]).to.deep.equal(results[0]);
    expect(results[2]).to.deep.equal(results[0]);
  });

  for (const count of [0, -1, 1.5, NaN, Infinity, 257]) {
    it(`refuses ${count}`, () => {
      const act = () => {
        setNumThreads(count);
      };
      expectError(act, RangeError, 'an integer from 1 to 256', 'for count', String(count));
      expect(backend.threads).to.equal(before);
    });
  }

  it('refuses a value that is not a number', () => {
    const act = () => {
      setNumThreads('2' as never);
    };
    expectError(act, TypeError, 'an integer from 1 to 256', 'for count', '"2" of type string');
  });
});
