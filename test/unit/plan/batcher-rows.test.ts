import { BaseModule, Batcher, compile, Linear, type Shape, Tensor } from 'batchnorm';
import type { Storage } from '#lib/core/storage';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { takingStorage } from '../../support/storage-take.js';
import { modelCases } from './models.js';

type Rows = Tensor<readonly [number, 4]>;
type Forward = (x: Rows, module: Custom) => Tensor<Shape>;

class Custom extends BaseModule {
  readonly linear = new Linear(4, 4, { rng: seeded(1) });
  readonly square = Tensor.ones([4, 4]);
  readonly #forward: Forward;

  constructor(forward: Forward) {
    super();
    this.#forward = forward;
  }
  override clone(): this {
    return new Custom(this.#forward) as this;
  }
  forward(x: Tensor<Shape>): Tensor<Shape> {
    return this.#forward(this.linear.forward(x as Rows), this);
  }
}

const inputShape: Shape = [4, 4];
const planOf = (forward: Forward, options = {}) => compile(new Custom(forward), inputShape, options);

const sample = (seed: number): Tensor<Shape> => Tensor.from(values(seeded(seed), 4), [4]);

describe('the results of a Batcher', () => {
  const refused: readonly (readonly [string, Forward])[] = [
    ['a sum over everything', (x) => x.sum()],
    ['a sum over the batch', (x) => x.sum({ axes: [0] })],
    ['a transposed matrix', (x) => x.transpose()],
    ['the same values for any batch', (_x, { square }) => square],
    ['the joined values of all samples', (x) => x.reshape([x.shape[0] * 4])],
    ['products of samples', (x) => x.matmul(x.transpose() as never)],
    ['two rows for each sample', (x) => x.reshape([x.shape[0] * 2, 2])],
  ];
  for (const [what, forward] of refused) {
    it(`must not be ${what}`, () => {
      for (const options of [{}, { batchSizes: [4] }, { batchSizes: [2, 4] }]) {
        const plan = planOf(forward, options);
        expectError(() => new Batcher(plan), RangeError, 'plan', 'shape [N, ...] for N samples');
      }
    });
  }

  it('may be those of any layer and network whose first axis is the batch', () => {
    let accepted = 0;
    for (const { name, model, shape } of modelCases()) {
      const plan = compile(model as never, shape) as ReturnType<typeof planOf>;
      const smaller = shape.with(0, shape[0] - 1);
      const isPerSample = () => {
        try {
          const y = model.forward(Tensor.zeros(smaller));
          return [plan.outputShape[0] - 1, ...plan.outputShape.slice(1)].join() === y.shape.join();
        } catch {
          return true;
        }
      };
      if (plan.outputShape[0] === shape[0] && isPerSample()) {
        expect(new Batcher(plan).plan, name).to.equal(plan);
        accepted++;
      }
    }
    expect(accepted).to.be.greaterThan(30);
  });

  it('may be those of a model that accepts one batch size only', async () => {
    const plan = planOf((x) => x.reshape([4, 2, 2]), { batchSizes: [4] });
    const batcher = new Batcher(plan, { maxDelay: 0 });
    const x = sample(1);
    const [expected] = plan
      .runSync(Tensor.from([...x.data, ...new Float32Array(12)], [4, 4]))
      .array() as readonly unknown[];
    expect((await batcher.run(x)).array()).to.deep.equal(expected);
    await batcher.dispose();
  });

  it('reject the samples of a batch size for which the model gives another shape, and no others', async () => {
    const plan = planOf((x) => (x.shape[0] === 2 ? x.sum({ axes: [1] }) : x));
    const batcher = new Batcher(plan, { maxDelay: 0 });
    const wrong = [1, 2].map((seed) => batcher.run(sample(seed)));
    for (const each of wrong) {
      await expectRejection(each, RangeError, 'the result of the plan', '[2, 4]', '[2]');
    }
    const right = [1, 2, 3].map((seed) => batcher.run(sample(seed)));
    for (const [i, each] of right.entries()) {
      const [expected] = plan.runSync(sample(i + 1).reshape([1, 4])).array() as readonly unknown[];
      expect((await each).array()).to.deep.equal(expected);
    }
    expect(batcher.statistics).to.deep.include({ samples: 3, batches: 1, running: 0, queueLength: 0 });
    await batcher.dispose();
  });

  it('reject the one sample for whose result there is no memory', async () => {
    const plan = planOf((x) => x);
    const batcher = new Batcher(plan, { maxDelay: 1e6 });
    const results = Promise.allSettled([1, 2, 3, 4].map((seed) => batcher.run(sample(seed))));
    let rows = 0;
    const refuseOne = (length: number, take: (length: number) => Storage) => {
      if (length === 4 && ++rows === 2) throw new RangeError('no memory');
      return take(length);
    };
    await takingStorage(refuseOne, async () => {
      const settled = await results;
      expect(settled.map(({ status }) => status)).to.deep.equal([
        ...['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      ]);
      expect((settled[1] as PromiseRejectedResult).reason).to.be.instanceOf(RangeError);
    });
    await batcher.dispose();
  });

  it('need a plan that compile() made', () => {
    const plan = planOf((x) => x);
    expectError(() => new Batcher(Object.create(plan) as typeof plan), TypeError, 'plan', 'a Plan');
    expectError(() => new Batcher(new Proxy(plan, {})), TypeError, 'plan', 'a Plan');
  });
});
