import { setImmediate } from 'node:timers/promises';
import { batchSamples, type Sample } from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection, type Untyped } from '../../support/errors.js';
import { seeded } from '../../support/random.js';

const features = (i: number) => Float32Array.of(i, -i);

/** Records how many samples were taken, and whether the stream was closed. */
class Stream {
  taken = 0;
  closed = false;

  async *samples(count: number): AsyncGenerator<Sample> {
    try {
      for (let i = 0; i < count; i++) {
        await setImmediate();
        this.taken++;
        yield { features: features(i), label: i };
      }
    } finally {
      this.closed = true;
    }
  }
}

async function collect<T>(batches: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(batch);
  return all;
}

describe('batchSamples', () => {
  it('batches samples of an async iterable', async () => {
    const batches = await collect(batchSamples(new Stream().samples(5), { shape: [2], batchSize: 2 }));
    expect(batches.map(({ x }) => x.array())).to.deep.equal([
      [
        [0, -0],
        [1, -1],
      ],
      [
        [2, -2],
        [3, -3],
      ],
      [[4, -4]],
    ]);
    expect(batches.map(({ labels }) => [...labels])).to.deep.equal([[0, 1], [2, 3], [4]]);
    const full = await collect(
      batchSamples(new Stream().samples(5), { shape: [2], batchSize: 2, dropLast: true }),
    );
    expect(full.map(({ size }) => size)).to.deep.equal([2, 2]);
  });

  it('takes plain iterables, bytes and a normalization', async () => {
    const samples = [0, 255].map((byte) => ({ features: Uint8Array.of(byte), label: 3 }));
    const [batch] = await collect(
      batchSamples(samples, { shape: [1], batchSize: 2, scale: 2 / 255, mean: 1 }),
    );
    expect(batch.x.array()).to.deep.equal([[-1], [1]]);
  });

  it('yields regression targets as a tensor', async () => {
    const samples = [1, 2, 3].map((i) => ({ features: features(i), label: [i, i / 2] }));
    const batches = await collect(batchSamples(samples, { shape: [2], batchSize: 2, labelShape: [2] }));
    expect(batches.map(({ labels }) => labels.array())).to.deep.equal([
      [
        [1, 0.5],
        [2, 1],
      ],
      [[3, 1.5]],
    ]);
  });

  it('shuffles through a buffer, reproducibly for the same seed', async () => {
    const order = async (seed: number, shuffleBuffer: number) => {
      const options = { shape: [2], batchSize: 4, shuffle: true, rng: seeded(seed), shuffleBuffer } as const;
      const batches = await collect(batchSamples(new Stream().samples(50), options));
      for (const { x, labels, indices } of batches) {
        expect([...labels]).to.deep.equal([...indices]);
        expect(x.array().map(([value]) => value)).to.deep.equal([...indices]);
      }
      return batches.flatMap(({ indices }) => [...indices]);
    };
    const mixed = await order(1, 8);
    expect([...mixed].sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
    // No sample is yielded before it was taken.
    mixed.forEach((index, place) => expect(index).to.be.at.most(place + 8));
    expect(mixed.filter((index, place) => index === place).length).to.be.below(25);
    expect(await order(1, 8)).to.deep.equal(mixed);
    expect(await order(2, 8)).not.to.deep.equal(mixed);
    expect(await order(1, 1)).to.deep.equal(Array.from({ length: 50 }, (_, i) => i));
  });

  it('takes no more samples than needed, and closes the stream if the caller stops', async () => {
    const stream = new Stream();
    for await (const batch of batchSamples(stream.samples(100), { shape: [2], batchSize: 3 })) {
      expect(batch.size).to.equal(3);
      expect(stream.taken).to.equal(3);
      break;
    }
    expect(stream.closed).to.equal(true);
  });

  it('rethrows errors of the stream', async () => {
    const failing = function* (): Generator<Sample> {
      yield { features: features(1), label: 1 };
      throw new Error('no such picture');
    };
    const batches = collect(batchSamples(failing(), { shape: [2], batchSize: 2 }));
    await expectRejection(batches, Error, 'no such picture');
  });

  it('refuses invalid samples and names their position', async () => {
    const options = { shape: [2], batchSize: 1 } as const;
    const rejects = async (sample: unknown, type: typeof TypeError, ...parts: string[]) => {
      const stream = new Stream();
      const samples = async function* () {
        yield* stream.samples(1);
        yield sample as Sample;
      };
      await expectRejection(collect(batchSamples(samples(), options)), type, ...parts);
      expect(stream.closed).to.equal(true);
    };
    await rejects(5, TypeError, 'for samples[1]', '5');
    await rejects({ label: 1 }, TypeError, 'for samples[1].features', 'undefined');
    await rejects(
      { features: new Float32Array(3), label: 1 },
      RangeError,
      '2 values (shape [2]) for samples[1].features',
      'length 3',
    );
    await rejects({ features: features(1) }, TypeError, 'for samples[1].label', 'undefined');
    await rejects({ features: features(1), label: 1.5 }, RangeError, 'for samples[1].label', '1.5');
    const shaped = { ...options, labelShape: [2] } as const;
    const one = (label: unknown) =>
      collect(batchSamples([{ features: features(1), label: label as number[] }], shaped));
    await expectRejection(one(1), TypeError, 'for samples[0].label', '1');
    await expectRejection(one([1]), RangeError, '2 values', 'length 1');
    await expectRejection(one([1, 'x']), TypeError, 'for samples[0].label[1]', '"x"');
  });

  it('refuses invalid options by name before it takes a sample', () => {
    const call = (samples: unknown, options: unknown) => () => (batchSamples as Untyped)(samples, options);
    expectError(call(5, { shape: [2], batchSize: 1 }), TypeError, 'for samples', '5');
    expectError(call([], undefined), TypeError, 'for options', 'undefined');
    expectError(call([], { shape: [2] }), TypeError, 'for batchSize', 'undefined');
    expectError(call([], { shape: [0], batchSize: 1 }), RangeError, 'for shape', '[0]');
    expectError(
      call([], { shape: [2], batchSize: 1, shuffleBuffer: 0 }),
      RangeError,
      'for shuffleBuffer',
      '0',
    );
    expectError(call([], { shape: [2], batchSize: 1, shuffle: 1 }), TypeError, 'for shuffle', '1');
    expectError(call([], { shape: [2], batchSize: 1, workers: 1 }), TypeError, '"workers"');
  });
});
