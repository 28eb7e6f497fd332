import {
  batchSamples,
  Conv2D,
  DataLoader,
  Dropout,
  DropoutOneIn,
  Linear,
  loadCheckpoint,
  randomGenerator,
  type RandomGenerator,
  type RandomSource,
  saveCheckpoint,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import fc from 'fast-check';
import { type RandomCase, readCases } from '../../conformance/reference/read.js';
import { expectError, expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const draw = (rng: RandomSource, count: number) => Array.from({ length: count }, () => rng());

/** Everything that accepts a generator. */
const uses: Readonly<Record<string, (rng: RandomGenerator) => unknown>> = {
  'Tensor.randn': (rng) => Tensor.randn([7], { rng }).array(),
  'new Linear': (rng) => new Linear(3, 2, { rng }).weight.array(),
  'new Conv2D': (rng) => new Conv2D(1, 2, 3, { rng }).weight.array(),
  resetParams: (rng) => {
    const layer = new Linear(3, 2);
    layer.resetParams(rng);
    return layer.weight.array();
  },
  Dropout: (rng) => new Dropout(0.5, { rng }).forwardMut(Tensor.ones([40]).trace()).array(),
  DropoutOneIn: (rng) => new DropoutOneIn(2, { rng }).forwardMut(Tensor.ones([40]).trace()).array(),
  DataLoader: (rng) =>
    [
      ...new DataLoader({ features: new Float32Array(40), shape: [2] }, { batchSize: 7, shuffle: true, rng }),
    ].map(({ indices }) => [...indices]),
};

describe('randomGenerator', () => {
  const path = temporaryDirectory();

  it("returns the numbers of numpy's RandomState", () => {
    const cases = readCases<RandomCase>('random/random.jsonl');
    expect(cases.length).to.equal(8);
    for (const { seed, first, skipped, then } of cases) {
      const rng = randomGenerator(seed);
      expect(draw(rng, first.length), String(seed)).to.deep.equal(first);
      draw(rng, skipped);
      expect(draw(rng, then.length), String(seed)).to.deep.equal(then);
    }
  });

  it('has the 10000th word that the C++ standard requires of mt19937', () => {
    // ISO C++ [rand.predef]: with the default seed 5489, the 10000th invocation returns 4123659995. A number consists of two
    // words, of which it has the upper 27 and 26 bits.
    const number = draw(randomGenerator(5489), 5000).at(-1) ?? 0;
    expect(Number(BigInt(number * 2 ** 53) & (2n ** 26n - 1n))).to.equal(4123659995 >>> 6);
  });

  it('depends only on the seed', () => {
    expect(draw(randomGenerator(7), 3)).to.deep.equal(draw(randomGenerator(7), 3));
    expect(draw(randomGenerator(7), 3)).to.not.deep.equal(draw(randomGenerator(8), 3));
  });

  for (const [name, use] of Object.entries(uses)) {
    it(`serves ${name}, and repeats it from a saved state`, () => {
      const rng = randomGenerator(3);
      draw(rng, 5);
      const state = rng.getState();
      const first = use(rng);
      expect(use(rng)).to.not.deep.equal(first);
      rng.setState(state);
      expect(use(rng)).to.deep.equal(first);
    });
  }

  it('serves batchSamples, and repeats it from a saved state', async () => {
    const samples = Array.from({ length: 20 }, (_, i) => ({ features: Float32Array.of(i), label: i }));
    const rng = randomGenerator(3);
    const use = async () => {
      const indices: number[] = [];
      for await (const batch of batchSamples(samples, { shape: [1], batchSize: 4, shuffle: true, rng })) {
        indices.push(...batch.indices);
      }
      return indices;
    };
    const state = rng.getState();
    const first = await use();
    rng.setState(state);
    expect(await use()).to.deep.equal(first);
  });

  it('continues from the state of any moment', () => {
    const anySeed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(anySeed, anySeed, fc.nat(1300), (seed, otherSeed, before) => {
        const rng = randomGenerator(seed);
        draw(rng, before);
        const state = rng.getState();
        const expected = draw(rng, 400);
        const other = randomGenerator(otherSeed);
        other.setState(JSON.parse(JSON.stringify(state)) as number[]);
        expect(draw(other, 400)).to.deep.equal(expected);
        // The array is neither kept nor changed.
        other.setState(state);
        expect(draw(other, 1)).to.deep.equal(expected.slice(0, 1));
      }),
      { numRuns: 25 },
    );
  });

  it('is stored in a checkpoint', async () => {
    const model = new Linear(2, 2);
    const [rng, other] = [randomGenerator(1), randomGenerator(2)];
    draw(rng, 10);
    await saveCheckpoint(path('run.npz'), { model, generators: { rng } });
    await loadCheckpoint(path('run.npz'), { model, generators: { rng: other } });
    expect(draw(other, 5)).to.deep.equal(draw(rng, 5));
  });

  it('refuses wrong seeds and states, and keeps its state then', async () => {
    for (const seed of [-1, 0.5, NaN, 2 ** 32]) {
      expectError(
        () => randomGenerator(seed),
        RangeError,
        'an integer from 0 to 4294967295 for seed',
        String(seed),
      );
    }
    for (const seed of ['1', undefined, null, 1n]) {
      expectError(() => randomGenerator(seed as never), TypeError, 'for seed');
    }
    const rng = randomGenerator(1);
    const valid = rng.getState();
    const wrong: readonly (readonly number[])[] = [
      [],
      valid.slice(1),
      [...valid, 0],
      [624, ...valid.slice(1)],
      [-1, ...valid.slice(1)],
      [0.5, ...valid.slice(1)],
      [...valid.slice(0, 624), 2 ** 31],
      [...valid.slice(0, 624), NaN],
      valid.map(() => 0),
    ];
    for (const state of wrong)
      expectError(() => rng.setState(state), RangeError, '625 integers', 'for state');
    expectError(() => rng.setState('state' as never), TypeError, 'for state', '"state"');
    expect(draw(rng, 3)).to.deep.equal(draw(randomGenerator(1), 3));

    // A checkpoint with such a state is refused, too.
    const model = new Linear(2, 2);
    const broken = { getState: () => valid.map(() => 0.5), setState: () => undefined };
    await saveCheckpoint(path('broken.npz'), { model, generators: { rng: broken } });
    const before = model.weight.array();
    model.weight.data.fill(1);
    await expectRejection(
      loadCheckpoint(path('broken.npz'), { model, generators: { rng } }),
      RangeError,
      'for state',
    );
    expect(model.weight.array()).to.not.deep.equal(before);
  });
});
