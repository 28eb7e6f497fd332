import { BatchNorm2D, type ModuleMut, recalibrate, ReLU, Residual, Sequential, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectRejection, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded, values } from '../../support/random.js';

const batches = [1, 2, 3].map((seed) => Tensor.from(values(seeded(seed), 5 * 2 * 4, seed, 3), [5, 2, 2, 2]));

/** Mean and unbiased variance of each channel, in float64. */
function statistics(batch: Tensor<readonly [number, number, number, number]>) {
  const [images, channels, rows, columns] = batch.shape;
  const plane = rows * columns;
  return Array.from({ length: channels }, (_, channel) => {
    const own = Array.from(batch.data).filter((_, i) => Math.floor(i / plane) % channels === channel);
    const mean = own.reduce((sum, value) => sum + value, 0) / (images * plane);
    const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, variance: squares / (images * plane - 1) };
  });
}

describe('recalibrate', () => {
  it('averages the statistics of all batches', async () => {
    const bn = new BatchNorm2D(2);
    bn.runningMean.data.fill(77);
    expect(await recalibrate(bn, batches)).to.equal(3);
    const all = batches.map(statistics);
    const average = (pick: (s: { mean: number; variance: number }) => number) =>
      [0, 1].map((channel) => all.reduce((sum, each) => sum + pick(each[channel]) / 3, 0));
    expectNear(
      bn.runningMean.data,
      average(({ mean }) => mean),
      2e-6,
    );
    expectNear(
      bn.runningVar.data,
      average(({ variance }) => variance),
      1e-5,
    );
  });

  it('changes neither parameters nor momentum', async () => {
    const bn = new BatchNorm2D(2, { momentum: 0.3 });
    await recalibrate(bn, batches);
    expect(bn.momentum).to.equal(0.3);
    expect(bn.scale.array()).to.deep.equal([1, 1]);
  });

  it('reaches every layer of a network, and accepts any iterable of batches', async () => {
    const net = new Sequential(new Residual(new BatchNorm2D(2)), new ReLU(), new BatchNorm2D(2));
    async function* arriving() {
      for (const batch of batches) yield await Promise.resolve(batch);
    }
    await recalibrate(net, arriving());
    for (const norm of [net.layers[0].f, net.layers[2]]) {
      expect(norm.runningMean.array()).to.not.deep.equal([0, 0]);
      expect(norm.toJSON().batches).to.equal(3);
    }
  });

  it('reaches layers inside user-defined modules', async () => {
    class Net implements ModuleMut<never, unknown> {
      readonly norm = new BatchNorm2D(2);
      forwardMut(x: never) {
        return this.norm.forwardMut(x);
      }
      parameters() {
        return this.norm.parameters();
      }
      update() {
        // nothing
      }
    }
    const net = new Net();
    await recalibrate(net as never, batches);
    expect(net.norm.toJSON().batches).to.equal(3);
  });

  it('releases the graph of a pass that throws', async () => {
    let recorded: Tensor<readonly number[]> | undefined;
    class Failing implements ModuleMut<never, unknown> {
      readonly norm = new BatchNorm2D(2);
      forwardMut(x: never): never {
        recorded = this.norm.forwardMut(x);
        throw new RangeError('a bug of the program');
      }
      parameters() {
        return this.norm.parameters();
      }
      update() {
        // nothing
      }
    }
    await expectRejection(recalibrate(new Failing() as never, batches), RangeError, 'a bug of the program');
    expect(() => recorded?.data).to.throw('consumed');
  });

  it('refuses invalid arguments and changes nothing', async () => {
    const bn = new BatchNorm2D(2, { momentum: 0.5 });
    bn.forwardMut(batches[0].trace());
    const before = JSON.stringify(bn);
    const call = (...args: unknown[]) => (recalibrate as Untyped)(...args) as Promise<number>;
    await expectRejection(call(bn, []), RangeError, 'one batch', 'none');
    await expectRejection(call(bn, [batches[0], 5]), TypeError, 'batches[1]', '5');
    await expectRejection(call(bn, [batches[0], Tensor.zeros([1, 3, 2, 2])]), RangeError, '2 channels');
    await expectRejection(call(bn, 5), TypeError);
    await expectRejection(call(new ReLU(), batches), TypeError, 'forwardMut() for module');
    await expectRejection(call(new Sequential(new ReLU()), batches), TypeError, 'batch norm layers');
    await expectRejection(call(null, batches), TypeError, 'for module', 'null');
    expect(JSON.stringify(bn)).to.equal(before);
  });
});
