import { backward, crossEntropyWithLogitsLoss, DataLoader, Linear, storagePool } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded } from '../../support/random.js';

/** Ten samples of shape [2, 1, 2]: sample i has the values 10 i, 10 i + 1, 10 i + 2, 10 i + 3. */
const bytes = Uint8Array.from({ length: 40 }, (_, i) => 10 * Math.floor(i / 4) + (i % 4));
const labels = Uint8Array.from({ length: 10 }, (_, i) => i);
const shape = [2, 1, 2] as const;
const sample = (i: number) => [0, 1, 2, 3].map((v) => 10 * i + v);

describe('DataLoader', () => {
  it('yields the samples in order, with the remainder in the last batch', () => {
    const loader = new DataLoader({ features: bytes, shape, labels }, { batchSize: 4 });
    expect([loader.samples, loader.length, loader.batchSize]).to.deep.equal([10, 3, 4]);
    const batches = [...loader];
    expect(batches.map(({ x }) => x.shape)).to.deep.equal([
      [4, 2, 1, 2],
      [4, 2, 1, 2],
      [2, 2, 1, 2],
    ]);
    expect(batches.map(({ labels: each }) => [...each])).to.deep.equal([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(batches.flatMap(({ x }) => x.array().flat(3))).to.deep.equal([...bytes]);
    expect(batches[2].size).to.equal(2);
  });

  it('drops an incomplete last batch', () => {
    const loader = new DataLoader({ features: bytes, shape }, { batchSize: 4, dropLast: true });
    expect(loader.length).to.equal(2);
    expect([...loader].map(({ x }) => x.shape[0])).to.deep.equal([4, 4]);
    expect([...loader][0].labels).to.equal(undefined);
  });

  it('shuffles samples and labels together in each epoch, reproducibly for the same seed', () => {
    const load = (seed: number) =>
      new DataLoader({ features: bytes, shape, labels }, { batchSize: 3, shuffle: true, rng: seeded(seed) });
    const loader = load(7);
    const epochs = [0, 1].map(() =>
      [...loader].flatMap(({ x, labels: classes, indices }) => {
        expect([...classes]).to.deep.equal([...indices]);
        x.array().forEach((each, i) => expect(each.flat(2)).to.deep.equal(sample(classes[i])));
        return [...indices];
      }),
    );
    for (const order of epochs) {
      expect([...order].sort()).to.deep.equal([...labels]);
      expect(order).not.to.deep.equal([...labels]);
    }
    expect(epochs[0]).not.to.deep.equal(epochs[1]);
    expect([...load(7)].flatMap(({ indices }) => [...indices])).to.deep.equal(epochs[0]);
    expect([...load(8)].flatMap(({ indices }) => [...indices])).not.to.deep.equal(epochs[0]);
  });

  it('draws every permutation equally often', () => {
    const features = new Float32Array(3);
    const loader = new DataLoader({ features, shape: [] }, { batchSize: 3, shuffle: true, rng: seeded(1) });
    const counts = new Map<string, number>();
    const epochs = 6000;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const { indices } of loader) {
        const order = [...indices].join('');
        counts.set(order, (counts.get(order) ?? 0) + 1);
      }
    }
    expect(counts.size).to.equal(6);
    // Five standard deviations of a binomial distribution with probability 1/6.
    for (const count of counts.values())
      expect(count).to.be.closeTo(epochs / 6, 5 * Math.sqrt(epochs * (5 / 36)));
  });

  it('resumes in the middle of an epoch', () => {
    const load = () =>
      new DataLoader({ features: bytes, shape, labels }, { batchSize: 3, shuffle: true, rng: seeded(5) });
    const whole = [...load()].map(({ indices }) => [...indices]);
    const rest = [...load().epoch({ skip: 2 })].map(({ indices }) => [...indices]);
    expect(rest).to.deep.equal(whole.slice(2));
    expect([...load().epoch({ skip: 4 })]).to.have.length(0);
  });

  it('scales and normalizes per channel, bytes and floats alike', () => {
    const normalization = { scale: 1 / 255, mean: [0.1, 0.3], deviation: [0.5, 0.25] };
    const expected = Array.from(bytes, (byte, i) => {
      const channel = Math.floor((i % 4) / 2);
      return (byte / 255 - normalization.mean[channel]) / normalization.deviation[channel];
    });
    for (const features of [bytes, Float32Array.from(bytes)]) {
      const loader = new DataLoader({ features, shape, ...normalization }, { batchSize: 10 });
      for (const { x } of loader) expectNear(x.clone().data, expected, 1e-6);
    }
    const halved = new DataLoader({ features: bytes, shape, mean: 4, deviation: 2 }, { batchSize: 1 });
    const [{ x }] = halved;
    expect(x.array().flat(3)).to.deep.equal([-2, -1.5, -1, -0.5]);
  });

  it('yields regression targets as a tensor', () => {
    const targets = Float32Array.from({ length: 20 }, (_, i) => i / 2);
    const loader = new DataLoader(
      { features: bytes, shape, labels: targets, labelShape: [2] },
      { batchSize: 4, shuffle: true, rng: seeded(2) },
    );
    for (const batch of loader) {
      expect(batch.labels.shape).to.deep.equal([batch.size, 2]);
      const expected = [...batch.indices].map((i) => [i, i + 0.5]);
      expect(batch.labels.array()).to.deep.equal(expected);
    }
    const scalars = new DataLoader(
      { features: bytes, shape, labels: targets.subarray(10), labelShape: [] },
      { batchSize: 10 },
    );
    expect([...scalars][0].labels.array()).to.deep.equal([...targets.subarray(10)]);
  });

  it('reuses the memory of released batches', () => {
    const features = new Float32Array(4 * 50_000);
    const loader = new DataLoader({ features, shape: [50_000] }, { batchSize: 2 });
    storagePool.clear();
    const seen = new Set<number>();
    for (let epoch = 0; epoch < 4; epoch++) {
      for (using batch of loader) {
        expect(batch.x.shape).to.deep.equal([2, 50_000]);
        seen.add(storagePool.bytes);
      }
    }
    // Every batch reuses the memory of the one before it: none is prefetched.
    expect([...seen]).to.deep.equal([0]);
    expect(storagePool.bytes).to.be.at.least(4 * 100_000);
  });

  it('yields batches that a training step takes', () => {
    const net = new Linear(4, 10, { rng: seeded(1) });
    const loader = new DataLoader(
      { features: bytes, shape: [4], labels, scale: 0.01 },
      { batchSize: 5, dropLast: true },
    );
    for (using batch of loader) {
      const loss = crossEntropyWithLogitsLoss(net.forward(batch.x.trace()), batch.labels);
      expect(backward(loss).get(net.weight)?.shape).to.deep.equal([10, 4]);
    }
  });

  it('refuses invalid arguments by name', () => {
    const make =
      (dataset: unknown, options: unknown = { batchSize: 2 }) =>
      () =>
        Reflect.construct(DataLoader, [dataset, options]) as object;
    const good = { features: bytes, shape, labels };
    expectError(make(undefined), TypeError, 'for dataset', 'undefined');
    expectError(make({ ...good, feature: 1 }), TypeError, 'in dataset', '"feature"');
    expectError(
      make({ ...good, features: [1] }),
      TypeError,
      'a typed array of numbers for features',
      'Array of length 1',
    );
    expectError(
      make({ ...good, features: new Uint8Array(41) }),
      RangeError,
      'samples of 4 values (shape [2, 1, 2]) for features',
      '41',
    );
    expectError(make({ ...good, features: new Uint8Array(0) }), RangeError, 'for features', '0');
    expectError(make({ ...good, shape: [2, 0] }), RangeError, 'for shape', '[2, 0]');
    expectError(make({ ...good, shape: 4 }), TypeError, 'for shape', '4');
    expectError(make({ ...good, labels: new Uint8Array(9) }), RangeError, '10 labels', '9');
    expectError(
      make({ ...good, features: new BigInt64Array(40) }),
      TypeError,
      'a typed array of numbers for features',
      'BigInt64Array',
    );
    expectError(make({ ...good, labels: [1, 2] }), RangeError, '10 labels', 'Array of length 2');
    expectError(
      make({ ...good, labels: 'classes' }),
      TypeError,
      'an array of classes',
      'labelShape',
      '"classes"',
    );
    expectError(
      make({ ...good, labels: new DataView(new ArrayBuffer(10)) }),
      TypeError,
      'an array of classes',
      'DataView',
    );
    expectError(
      make({ ...good, labels: new Float32Array(10).fill(0.5) }),
      RangeError,
      'for labels[0]',
      'labelShape',
      '0.5',
    );
    expectError(make({ ...good, labels: new Int8Array(10).fill(-1, 3) }), RangeError, 'for labels[3]', '-1');
    expectError(
      make({ ...good, labels: new Uint32Array(10).fill(2 ** 31, 9) }),
      RangeError,
      'for labels[9]',
      '2147483648',
    );
    expectError(
      make({ ...good, labels: [0, 1, '2', 3, 4, 5, 6, 7, 8, 9] }),
      TypeError,
      'for labels[2]',
      '"2"',
    );
    expectError(make({ ...good, labelShape: [2] }), RangeError, '20 values', 'Uint8Array');
    expectError(
      make({ ...good, labelShape: [2], labels: new BigInt64Array(20) }),
      TypeError,
      'for labels',
      'BigInt64Array',
    );
    expectError(
      make({ ...good, labelShape: [], labels: [1, 2, null, 4, 5, 6, 7, 8, 9, 10] }),
      TypeError,
      'for labels[2]',
      'null',
    );
    expectError(
      make({ ...good, labelShape: [2], labels: new Float32Array(10) }),
      RangeError,
      '20 values',
      '10',
    );
    expectError(make({ ...good, scale: NaN }), RangeError, 'for scale', 'NaN');
    expectError(make({ ...good, mean: [1] }), RangeError, 'for mean', '1 numbers');
    expectError(make({ ...good, mean: 'x' }), TypeError, 'for mean', '"x"');
    expectError(make({ ...good, deviation: [1, 0] }), RangeError, 'for deviation[1]', '0');
    expectError(make(good, null), TypeError, 'for options', 'null');
    expectError(make(good, {}), TypeError, 'for batchSize', 'undefined');
    expectError(make(good, { batchSize: 0 }), RangeError, 'for batchSize', '0');
    expectError(make(good, { batchSize: 11, dropLast: true }), RangeError, 'at most 10', '11');
    expectError(make(good, { batchSize: 2, dropLast: 1 }), TypeError, 'for dropLast', '1');
    expectError(make(good, { batchSize: 2, shuffle: () => 1 }), TypeError, 'for shuffle', 'a function');
    expectError(make(good, { batchSize: 2, seed: 1 }), TypeError, 'in options', '"seed"');
    const loader = new DataLoader(good, { batchSize: 2, shuffle: true, rng: () => 1 });
    expectError(() => [...loader], RangeError, 'for rng', 'returned 1');
    expectError(() => loader.epoch({ skip: 6 }), RangeError, 'for skip', '6');
    expectError(() => (loader.epoch as Untyped).call(loader, { skip: '1' }), TypeError, 'for skip', '"1"');
  });
});
