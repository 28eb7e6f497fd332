import {
  backward,
  BatchNorm1D,
  BatchNorm2D,
  crossEntropyWithLogitsLoss,
  DataLoader,
  fit,
  Flatten2D,
  FrozenBatchNorm2D,
  Linear,
  Sequential,
  Sgd,
  Tensor,
} from 'batchnorm';
import { connect, DataParallel, type Group, synchronize } from 'batchnorm/distributed';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

const features = values(seeded(3), 20 * 8);
const labels = Uint8Array.from({ length: 20 }, (_, i) => i % 3);
const dataset = { features, shape: [2, 2, 2], labels } as const;

function makeNetwork() {
  return new Sequential(new BatchNorm2D(2), new Flatten2D(), new Linear(8, 3, { rng: seeded(1) }));
}

const bitsOf = (model: ReturnType<typeof makeNetwork>) =>
  model.parameters().map(([, tensor]) => [...tensor.data]);

describe('a group of one', () => {
  let group: Group;
  before(async () => {
    group = await connect();
  });
  after(() => {
    group.close();
  });

  it('gives the same bits as a program without a group', async () => {
    const train = async (isParallel: boolean) => {
      const model = makeNetwork();
      const optimizer = new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 } });
      const loader = new DataLoader(dataset, { batchSize: 7, shuffle: true, rng: seeded(2) });
      const parallel = await DataParallel.create(model, group, { optimizer });
      const history = await fit(model, {
        data: isParallel ? parallel.shard(loader) : loader,
        loss: crossEntropyWithLogitsLoss,
        optimizer,
        epochs: 3,
        ...(isParallel ? { parallel } : {}),
      });
      return { history, bits: bitsOf(model) };
    };
    expect(await train(true)).to.deep.equal(await train(false));
  });

  it('has the gradients of backward, and the scores of its only rank', async () => {
    const model = makeNetwork();
    const parallel = await DataParallel.create(model, group);
    const x = Tensor.from(features, [20, 2, 2, 2]);
    const loss = () => crossEntropyWithLogitsLoss(model.forwardMut(x.trace()), labels);
    const weight = model.layers[2].weight;
    const expected = backward(loss()).get(weight)?.array();
    expect(parallel.backward(loss(), 20).get(weight)?.array()).to.deep.equal(expected);
    expect(parallel.mean({ loss: 0.5, accuracy: 0.25 }, 4)).to.deep.equal({ loss: 0.5, accuracy: 0.25 });
    expect(parallel.mean({ loss: 0.5 }, 0)).to.deep.equal({ loss: NaN });
  });

  it('synchronizes each layer once, but no frozen one, and restores them', () => {
    const shared = new BatchNorm2D(2);
    const model = new Sequential(shared, shared, new FrozenBatchNorm2D(2));
    expect(synchronize(model, group)).to.equal(1);
    // Two ranks of which this process is one; their values are those of this rank twice.
    const twice: Group = {
      ...group,
      rank: 0,
      size: 2,
      allGather: (array) => {
        const both = array.slice() as typeof array;
        const result = new Float64Array(2 * both.length);
        result.set(both);
        result.set(both, both.length);
        return result as typeof array;
      },
      sum: (array) => {
        for (let i = 0; i < array.length; i++) array[i] *= 2;
        return array;
      },
      broadcast: (array) => array,
      barrier: () => undefined,
    };
    const x = Tensor.from(features.subarray(0, 8), [1, 2, 2, 2]);
    const single = new BatchNorm2D(2);
    single.forwardMut(Tensor.from([...x.data, ...x.data], [2, 2, 2, 2]).trace());
    expect(synchronize(shared, twice)).to.equal(1);
    const copy = shared.clone();
    for (const layer of [shared, copy]) {
      layer.forwardMut(x.trace());
      expect([...layer.runningVar.data]).to.deep.equal([...single.runningVar.data]);
    }
    synchronize(copy, group);
    const own = new BatchNorm2D(2);
    copy.resetParams(seeded(1));
    for (const layer of [copy, own]) layer.forwardMut(x.trace());
    expect([...copy.runningVar.data]).to.deep.equal([...own.runningVar.data]);
  });

  it('names both sides of another version, backend or instruction set', async () => {
    const model = makeNetwork();
    for (const [i, name] of ['version of batchnorm', 'backend', 'instruction set'].entries()) {
      // Another rank that has the properties of this one, except for the value of one.
      const two: Group = {
        ...group,
        rank: 0,
        size: 2,
        sum: (array) => array,
        broadcast: (array) => array,
        barrier: () => undefined,
        allGather: (array) => {
          const own = String.fromCharCode(...array);
          const isText = own.startsWith('[[');
          const properties = isText ? (JSON.parse(own) as [string, string][]) : [];
          if (isText) properties[i][1] = properties[i][1].replace(/.$/, '?');
          const other = isText ? JSON.stringify(properties) : own;
          const text = own + other;
          const both = isText ? Array.from(text, (unit) => unit.charCodeAt(0)) : [...array, ...array];
          return Float64Array.from(both) as typeof array;
        },
      };
      const start = `Expected the same ${name}`;
      await expectRejection(DataParallel.create(model, two), Error, start, 'rank 0 has', '?');
    }
  });

  it('refuses wrong arguments', async () => {
    const model = makeNetwork();
    expectError(() => synchronize({}, group), TypeError, 'a module for model');
    expectError(() => synchronize(model, {} as Group), TypeError, 'a Group from connect() for group');
    expectError(
      () => Reflect.construct(DataParallel, [group, model]),
      TypeError,
      'DataParallel.create(model, group)',
    );
    const create = DataParallel.create.bind(DataParallel) as Untyped as (
      ...args: unknown[]
    ) => Promise<DataParallel>;
    await expectRejection(create(model), TypeError, 'group');
    await expectRejection(create({}, group), TypeError, 'model');
    await expectRejection(create(model, group, { optimiser: 1 }), TypeError, '"optimiser"');
    await expectRejection(create(model, group, { optimizer: 1 }), TypeError, 'optimizer');
    await expectRejection(
      create(model, group, { synchronizeBatchNorm: 1 }),
      TypeError,
      'synchronizeBatchNorm',
    );
    const parallel = await DataParallel.create(model, group);
    const wrong = parallel as unknown as Record<string, (...args: unknown[]) => unknown>;
    expectError(() => wrong.shard([]), TypeError, 'a DataLoader for loader');
    const loss = () => model.forwardMut(Tensor.ones([2, 2, 2, 2]).trace()).sum();
    expectError(() => wrong.backward(loss(), -1), RangeError, 'samples', '-1');
    expectError(() => wrong.backward(loss(), 1.5), RangeError, 'samples', '1.5');
    expectError(() => wrong.backward(loss(), '2'), TypeError, 'samples');
    expectError(() => wrong.backward(loss(), 0), RangeError, 'samples', 'on every rank');
    expectError(() => wrong.backward(loss(), 2, { into: 1 }), TypeError, '"into"');
    expectError(() => wrong.mean({ loss: '1' }, 1), TypeError, 'scores.loss');
    await expectRejection(wrong.saveCheckpoint(1, {}) as Promise<unknown>, TypeError, 'path');
    await expectRejection(wrong.loadCheckpoint('a', {}) as Promise<unknown>, TypeError, 'model');
    const options = { data: [], loss: crossEntropyWithLogitsLoss, optimizer: new Sgd(), epochs: 1 };
    const callFit = fit as Untyped as (...args: unknown[]) => Promise<unknown>;
    await expectRejection(
      callFit(model, { ...options, parallel: {} }),
      TypeError,
      'a DataParallel for parallel',
    );
    await expectRejection(callFit(new BatchNorm1D(2), { ...options, parallel }), TypeError, 'another model');
  });
});
