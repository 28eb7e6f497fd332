import {
  BatchNorm2D,
  BaseModule,
  compile,
  concat,
  Conv2D,
  Linear,
  Sequential,
  type Shape,
  Tensor,
} from 'batchnorm';
import { backend } from '#lib/backend/index';
import { capture } from '#lib/plan/capture';
import { divide, samplesPerPart, setPartLength } from '#lib/plan/divide';
import { ofSomeSamples } from '#lib/plan/samples';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { type Model, modelCases, resnet8 } from './models.js';

class Custom extends BaseModule {
  constructor(readonly compute: (x: Tensor<readonly [number, 4]>) => Tensor<Shape>) {
    super();
  }
  forward(x: Tensor<readonly [number, 4]>): Tensor<Shape> {
    return this.compute(x);
  }
}

const rng = seeded(3);

describe('divide', () => {
  afterEach(() => setPartLength());

  it('keeps together what may mix the samples', () => {
    const whole = modelCases()
      .filter(({ model, shape }) => ofSomeSamples(capture(model, shape), shape[0], 1) === undefined)
      .map(({ name }) => name);
    expect(whole).to.deep.equal([
      // The mean of all samples, one row for each of them, each with each, and rows that are none of them.
      ...['reductions', 'a product of two results', 'a constant and a result joined'].map(
        (what) => `a module that computes ${what}`,
      ),
    ]);
  });

  for (const [what, compute] of [
    ['a value for each place of the batch', (x) => x.add(Tensor.ones([x.shape[0], 1]) as never)],
    ['the samples in another order', (x) => concatReversed(x)],
    ['a transposed batch', (x) => x.transpose()],
    ['the sum over the samples', (x) => x.sub(x.sum({ axes: [0], keepDims: true }) as never)],
    ['half of the samples', (x) => x.slice({ axis: 0, end: 2 })],
  ] as readonly (readonly [string, (x: Tensor<readonly [number, 4]>) => Tensor<Shape>])[]) {
    it(`keeps together ${what}`, () => {
      const model = new Custom(compute);
      for (const samples of [3, 4]) {
        expect(ofSomeSamples(capture(model, [samples, 4]), samples, 1)).to.equal(undefined);
      }
    });
  }

  it('computes samples together as long as their results fit the cache', () => {
    const net = new Sequential(new Conv2D(3, 16, 3, { padding: 1, rng }), new Conv2D(16, 3, 3, { rng }));
    // 16 x 64 x 64 floats are a quarter of a mebibyte.
    const sizes = [1, 4, 5, 32].map((samples) => samplesPerPart(capture(net, [samples, 3, 64, 64]), samples));
    expect(sizes).to.deep.equal([1, 4, 3, 4]);
  });

  it('computes as many rows together as pay for reading the weights', () => {
    const net = new Sequential(new Linear(512, 2048, { rng }), new Linear(2048, 512, { rng }));
    expect(samplesPerPart(capture(net, [1024, 512]), 1024)).to.equal(128);
    expect(samplesPerPart(capture(net, [200, 512]), 200)).to.equal(200);
  });

  it('leaves a rest', () => {
    const graph = capture(resnet8(), [7, 3, 16, 16]);
    const { parts, rest, graph: part } = divide(graph, 7, 3);
    expect([parts, part.input.length, rest?.input.length]).to.deep.equal([2, 3 * 768, 768]);
    expect(divide(graph, 7, 7).rest).to.equal(undefined);
  });

  it('gives the same bits for parts, a rest and batches smaller than a part', () => {
    const model: Model = resnet8();
    const inputs = [1, 2, 3, 6, 7].map((samples) =>
      Tensor.from(values(seeded(samples), samples * 768), [samples, 3, 16, 16]),
    );
    const results = () => {
      const plan = compile(model as never, [7, 3, 16, 16]);
      return { memory: plan.memory, results: inputs.map((x) => plan.runSync(x as never).array()) };
    };
    const whole = results();
    const ofTwo = compile(model as never, [2, 3, 16, 16]).memory.arena;
    // Three parts of two samples and a rest of one.
    setPartLength(Math.ceil(whole.memory.arena / 4 / 4));
    const divided = results();
    expect(divided.results).to.deep.equal(whole.results);
    expect(divided.memory.withoutReuse).to.be.within(
      whole.memory.withoutReuse,
      whole.memory.withoutReuse * 1.01,
    );
    // Only the native backend computes parts side by side.
    const arenas = backend.info.name === 'native' ? Math.min(3, backend.info.threads) : 1;
    expect(divided.memory.arena).to.equal(arenas * ofTwo);
  });

  it('runs a batch that needs a larger arena than the largest one', async () => {
    class Odd extends BaseModule {
      readonly norm = new BatchNorm2D(4);
      forward(x: Tensor<readonly [number, 4, number, number]>): Tensor<Shape> {
        const y = this.norm.forward(x);
        return x.shape[0] === 4 ? y : y.exp().add(y.tanh()).add(y.sigmoid()).mul(y.abs());
      }
    }
    const model = new Odd();
    const plan = compile(model, [4, 4, 8, 8]);
    const x = Tensor.from(values(seeded(5), 2 * 256), [2, 4, 8, 8] as const);
    const expected = model.forward(x).array();
    const large = plan.run(Tensor.zeros([4, 4, 8, 8]));
    expect((await plan.run(x)).array()).to.deep.equal(expected);
    expect((await plan.run(x)).array()).to.deep.equal(expected);
    expect(plan.runSync(x).array()).to.deep.equal(expected);
    await large;
    await plan.dispose();
  });
});

function concatReversed(x: Tensor<readonly [number, 4]>): Tensor<Shape> {
  const samples = Array.from({ length: x.shape[0] }, (_, start) =>
    x.slice({ axis: 0, start, end: start + 1 }),
  );
  return concat(samples.toReversed());
}
