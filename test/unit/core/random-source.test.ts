import {
  batchSamples,
  Conv2D,
  DataLoader,
  Dropout,
  Linear,
  type NamedTensor,
  type RandomSource,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';

/** Generators whose results are not numbers in [0, 1). */
const wrong: readonly unknown[] = [
  ...[1, -1e-9, NaN, Infinity, undefined, null, 'a', '0.5', true, 1n, Symbol('s'), {}, [0.5]],
  Object.create(null),
  Promise.resolve(0.5),
];
const generators = wrong.map((value) => (() => value) as RandomSource);

/** Valid numbers, and a wrong one after `count` of them. */
function wrongAfter(count: number, value: unknown): RandomSource {
  let drawn = 0;
  return () => (drawn++ < count ? 0.25 : (value as number));
}

const samples = { features: new Float32Array(4), shape: [2], labels: Uint8Array.of(0, 1) };

/** Every use of a generator; each must fail before it returns. */
const uses: Readonly<Record<string, (rng: RandomSource) => unknown>> = {
  'Tensor.randn': (rng) => Tensor.randn([4], { rng }),
  'new Linear': (rng) => new Linear(2, 2, { rng }),
  'new Conv2D': (rng) => new Conv2D(2, 2, 1, { rng }),
  'Linear.resetParams': (rng) => new Linear(2, 2).resetParams(rng),
  'Conv2D.resetParams': (rng) => new Conv2D(2, 2, 1).resetParams(rng),
  Dropout: (rng) => new Dropout(0.5, { rng }).forwardMut(Tensor.ones([4]).trace()),
  DataLoader: (rng) => [...new DataLoader(samples, { batchSize: 1, shuffle: true, rng })],
};

describe('a generator whose results are not numbers in [0, 1)', () => {
  for (const [name, use] of Object.entries(uses)) {
    it(`is rejected by ${name}`, () => {
      for (const rng of generators) {
        const expected = 'Expected a function that returns numbers in [0, 1) for rng';
        let failure: unknown;
        try {
          use(rng);
        } catch (error) {
          failure = error;
        }
        expect(failure).to.be.instanceOf(RangeError).and.include({ code: 'ERR_BATCHNORM_VALUE' });
        expect((failure as Error).message).to.include(`${expected} but received one that returned `);
      }
    });
  }

  it('is rejected by batchSamples', async () => {
    for (const rng of generators) {
      const options = { shape: [1], batchSize: 1, shuffle: true, rng, shuffleBuffer: 1 } as const;
      const stream = batchSamples(
        [
          { features: Float32Array.of(1), label: 0 },
          { features: Float32Array.of(2), label: 1 },
        ],
        options,
      );
      await expectRejection(stream.next(), RangeError, 'for rng', 'one that returned');
    }
  });

  it('leaves a layer unchanged, whichever tensor it fails in', () => {
    const layers = [new Linear(3, 2), new Conv2D(1, 2, 2), new Conv2D(1, 2, 2, { bias: false })];
    for (const layer of layers) {
      const tensors: readonly NamedTensor[] = layer.parameters();
      const values = () => tensors.map(([, tensor]) => tensor.array());
      const before = values();
      const count = tensors.reduce((sum, [, { data }]) => sum + data.length, 0);
      for (let good = 0; good < count; good++) {
        for (const value of ['x', 1, undefined]) {
          expectError(() => layer.resetParams(wrongAfter(good, value)), RangeError, 'for rng');
        }
        const failing = () => {
          throw new Error('broken');
        };
        let drawn = 0;
        const throwing = () => (drawn++ < good ? 0.25 : failing());
        expectError(() => layer.resetParams(throwing), Error, 'broken');
      }
      expect(values()).to.deep.equal(before);
      layer.resetParams(wrongAfter(count, 'x'));
      expect(values()).to.not.deep.equal(before);
    }
  });

  it('leaks no memory', () => {
    const x = Tensor.ones([1000]);
    const layer = new Linear(40, 50);
    const uses = [
      () => Tensor.randn([1000], { rng: wrongAfter(5, 1) }),
      () => layer.resetParams(wrongAfter(5, 1)),
      () => layer.resetParams(wrongAfter(2020, 1)),
      () => new Dropout(0.5, { rng: wrongAfter(1, 1) }).forwardMut(x.trace()),
    ];
    for (const use of uses) expectError(use, RangeError, 'for rng');
    const before = storagePool.bytes;
    for (let i = 0; i < 10; i++) for (const use of uses) expectError(use, RangeError, 'for rng');
    expect(storagePool.bytes).to.equal(before);
    // The values that resetParams keeps for the case of an error return to the pool.
    storagePool.clear();
    expectError(uses[1], RangeError, 'for rng');
    expect(storagePool.bytes).to.be.at.least(4 * 2050);
  });

  it('may return any number below 1', () => {
    const largest = 1 - Number.EPSILON / 2;
    expect(new Linear(1, 1, { rng: () => largest }).weight.item()).to.be.closeTo(1, 1e-6);
    expect(new Linear(1, 1, { rng: () => -0 }).weight.item()).to.equal(-1);
    for (const value of Tensor.randn([2], { rng: () => largest }).data) {
      expect(Math.abs(value)).to.be.below(9);
    }
  });
});
