import { expect } from 'chai';
import { connect, spawnWorkers } from 'batchnorm/distributed';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';

const invalid = (message: string) => new URL(`data:text/javascript,${message}`);

describe('connect', () => {
  it('gives a group of one without a launcher, once until it is closed', async () => {
    const group = await connect({ timeout: 1000 });
    expect([group.rank, group.size, group.transport, group.timeout]).to.deep.equal([0, 1, 'single', 1000]);
    await expectRejection(connect(), Error, 'the group is connected already');
    group.close();
    group.close();
    expectError(() => group.sum(Float32Array.of(1)), TypeError, 'an open group for sum()');
    (await connect()).close();
  });

  it('returns the values of the only rank', async () => {
    const group = await connect();
    const values = Float32Array.of(1, 2);
    expect(group.allGather(values)).to.not.equal(values);
    expect(group.allGather(values)).to.deep.equal(values);
    expect(group.sum(values)).to.equal(values);
    expect(group.allReduce(values, 'mean')).to.deep.equal(Float32Array.of(1, 2));
    expect(await group.broadcastAsync(values, 0)).to.equal(values);
    await group.barrierAsync();
    group.close();
  });

  it('refuses wrong arguments', async () => {
    const wrong = connect as Untyped as (...args: unknown[]) => Promise<unknown>;
    await expectRejection(wrong({ time: 1 }), TypeError, 'timeout', '"time"');
    await expectRejection(wrong({ timeout: 0 }), RangeError, 'milliseconds', 'options.timeout', '0');
    await expectRejection(wrong({ transport: 'tcp' }), RangeError, "'mpi'", '"tcp"');
    await expectRejection(connect({ transport: 'workers' }), RangeError, 'spawnWorkers()');
    const group = await connect();
    const call = (method: 'sum' | 'allReduce' | 'broadcast' | 'barrier', ...args: unknown[]) => {
      expect(() => (group[method] as Untyped)(...args)).to.throw();
      return () => (group[method] as Untyped)(...args);
    };
    expectError(call('sum', [1, 2]), TypeError, 'a Float32Array or Float64Array for values', 'an Array');
    expectError(call('sum', new Int32Array(2)), TypeError, 'values', 'Int32Array');
    expectError(call('allReduce', new Float32Array(2), 'product'), RangeError, "'mean'", '"product"');
    expectError(call('broadcast', new Float32Array(2), 1), RangeError, 'a rank from 0 to 0', 'root', '1');
    expectError(call('barrier', { timeout: -1 }), RangeError, 'options.timeout', '-1');
    expectError(call('barrier', {}, 1), TypeError, 'at most 1 argument');
    group.close();
  });
});

describe('spawnWorkers', () => {
  it('refuses wrong arguments', async () => {
    const wrong = spawnWorkers as Untyped as (...args: unknown[]) => Promise<unknown>;
    await expectRejection(wrong(0, 'a.js'), RangeError, 'a positive integer for count', '0');
    await expectRejection(wrong(1000, 'a.js'), RangeError, '256', '1000');
    await expectRejection(wrong(1, 7), TypeError, 'a path or a file: URL for file', '7');
    await expectRejection(spawnWorkers(1, invalid('')), RangeError, 'data:');
    await expectRejection(wrong(1, 'a.js', { data: 1 }), TypeError, 'workerData', '"data"');
  });
});
