import {
  AvgPoolGlobal,
  BaseModule,
  BatchNorm2D,
  compile,
  Conv2D,
  Flatten2D,
  GeneralizedResidual,
  Linear,
  ReLU,
  Residual,
  Sequential,
  Tanh,
  Tensor,
  type Tensor2D,
  type Tensor4D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { operationsOf } from './operations.js';

const net = (seed = 1) =>
  new Sequential(
    new Conv2D(3, 4, 3, { padding: 1, bias: false, rng: seeded(seed) }),
    new BatchNorm2D(4),
    new ReLU(),
    new AvgPoolGlobal(),
    new Linear(4, 5, { rng: seeded(seed + 1) }),
  );

const images = (size: number, seed = 3) =>
  Tensor.from(values(seeded(seed), size * 3 * 6 * 6), [size, 3, 6, 6]) as Tensor4D<number, 3, 6, 6>;

/** A module with parameters that `fold` does not know. */
class Scaled extends BaseModule {
  constructor(readonly factor: Tensor<readonly [number]>) {
    super();
  }
  forward(x: Tensor2D<number, number>): Tensor2D<number, number> {
    return x.mul(this.factor);
  }
}

describe('compile', () => {
  it('folds batch norms and lists the operations', () => {
    const plan = compile(net(), [2, 3, 6, 6]);
    expect(operationsOf(plan)).to.deep.equal(['conv2dInference', 'rowMeans', 'matmul', 'add']);
    expect(plan.inputShape).to.deep.equal([2, 3, 6, 6]);
    expect(plan.outputShape).to.deep.equal([2, 5]);
  });

  it('runs the batch norms of a user-defined module with the operations after them', () => {
    class Block extends BaseModule {
      readonly norm = new BatchNorm2D(4);
      readonly other = new BatchNorm2D(4);
      forward(x: Tensor4D<number, 4, 3, 3>) {
        const inner = this.norm.forward(x).relu();
        return this.other.forward(inner).add(x).relu();
      }
    }
    expect(operationsOf(compile(new Block(), [2, 4, 3, 3]))).to.deep.equal([
      'batchNormInference',
      'batchNormInference',
    ]);
  });

  it('places results that are not needed at the same time in the same memory', () => {
    const tanh = Array.from(
      { length: 6 },
      () => new Residual(new Linear(16, 16, { bias: false, rng: seeded(1) })),
    );
    const { memory } = compile(new Sequential(...(tanh as [])), [8, 16]);
    const layer = 8 * 16 * 4;
    // Each block has a product and a sum; the last sum is the result of the plan.
    expect(memory.withoutReuse).to.equal(11 * layer);
    expect(memory.arena).to.equal(2 * layer);
    expect(memory.weights).to.equal(6 * 16 * 16 * 4);
  });

  it('does not change with the model, until update', () => {
    const model = net();
    const plan = compile(model, [2, 3, 6, 6]);
    const x = images(2);
    const before = plan.runSync(x).array();
    model.layers[4].bias?.data.fill(7);
    expect(plan.runSync(x).array()).to.deep.equal(before);
    plan.update(model);
    expect(plan.runSync(x).array()).not.to.deep.equal(before);
    expect(plan.runSync(x).array()).to.deep.equal(compile(model, [2, 3, 6, 6]).runSync(x).array());
  });

  it('keeps the weights of a module whose clone() returns the module itself', () => {
    const factor = Tensor.from([1, 2, 3], [3]);
    class Shared extends Scaled {
      override clone(): this {
        return this;
      }
    }
    const plan = compile(new Shared(factor), [2, 3]);
    factor.data.fill(0);
    structuredClone(factor.data.buffer, { transfer: [factor.data.buffer as ArrayBuffer] });
    const row = [1, 2, 3];
    expect(plan.runSync(Tensor.ones([2, 3])).array()).to.deep.equal([row, row]);
  });

  it('computes what depends on parameters only once', () => {
    class Exponential extends Scaled {
      override forward(x: Tensor2D<number, number>) {
        return x.mul(this.factor.exp().add(1)) as Tensor2D<number, number>;
      }
    }
    const plan = compile(new Exponential(Tensor.from([0, 0, 0], [3])), [2, 3]);
    expect(operationsOf(plan)).to.deep.equal(['mul']);
    expect(plan.runSync(Tensor.ones([2, 3])).array()).to.deep.equal([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  it('accepts every batch size up to the compiled one', () => {
    const model = net();
    const plan = compile(model, [4, 3, 6, 6]);
    for (const size of [1, 2, 3, 4]) expect(plan.runSync(images(size)).shape).to.deep.equal([size, 5]);
    for (const size of [0, 5]) {
      const x = Tensor.zeros([size, 3, 6, 6]);
      expectError(() => plan.runSync(x), RangeError, 'a batch of 1 to 4', `[${size}, 3, 6, 6]`);
    }
    expectError(() => plan.runSync(Tensor.zeros([2, 3, 6, 7]) as never), RangeError, '[4, 3, 6, 6]');
    expectError(() => plan.runSync(Tensor.zeros([2, 3]) as never), RangeError, '[2, 3]');
  });

  it('accepts only the listed batch sizes', () => {
    const plan = compile(net(), [4, 3, 6, 6], { batchSizes: [1, 4] });
    for (const size of [1, 4]) expect(plan.runSync(images(size)).shape).to.deep.equal([size, 5]);
    expectError(() => plan.runSync(images(2)), RangeError, 'a batch of 1, 4', '[2, 3, 6, 6]');
  });

  it('writes the result into `out`, which may be the input', () => {
    const plan = compile(new Sequential(new Tanh(), new Tanh()), [2, 3]);
    const x = Tensor.from([1, 2, 3, 4, 5, 6], [2, 3]);
    const expected = plan.runSync(x).array();
    const out = Tensor.zeros([2, 3]);
    expect(plan.runSync(x, { out })).to.equal(out);
    expect(out.array()).to.deep.equal(expected);
    expect(plan.runSync(x, { out: x }).array()).to.deep.equal(expected);
    expectError(
      () => plan.runSync(x, { out: Tensor.zeros([3, 2]) as never }),
      RangeError,
      'for out',
      '[2, 3]',
    );
    expectError(() => plan.runSync(x, { out: x.trace() as never }), TypeError, 'without a tape');
  });

  it('names the module that cannot be compiled', () => {
    class Peek extends BaseModule {
      forward(x: Tensor2D<number, number>) {
        return x.add(x.data[0]);
      }
    }
    const model = new Sequential(new Tanh(), new Residual(new Peek()));
    expectError(() => compile(model, [2, 3]), Error, 'it reads values by .data', 'in 1.0 (Peek)');
  });

  it('refuses wrong arguments', () => {
    const call = compile as Untyped;
    expectError(() => call({}, [2]), TypeError, 'model');
    expectError(() => call({ forwardMut: () => 1 }, [2]), TypeError, 'forward()');
    expectError(() => call(net(), 'x'), TypeError, 'shape');
    expectError(() => call(net(), []), RangeError, 'shape', 'a batch of at least 1');
    expectError(() => call(net(), [0, 3, 6, 6]), RangeError, 'shape', 'a batch of at least 1');
    expectError(() => call(net(), [2, 4, 6, 6]), RangeError, 'in 0 (Conv2D)');
    const options = (given: object) => () => call(net(), [2, 3, 6, 6], given);
    expectError(options({ batchSize: 1 }), TypeError, 'batchSize');
    expectError(options({ batchSizes: 1 }), TypeError, 'batchSizes');
    expectError(options({ batchSizes: [] }), RangeError, 'batchSizes');
    expectError(options({ batchSizes: [1, 3] }), RangeError, 'batchSizes[1]', 'at most 2');
    expectError(options({ batchSizes: [1.5] }), RangeError, 'batchSizes[0]');
    expectError(options({ concurrency: 0 }), RangeError, 'concurrency');
    expectError(options({ concurrency: 65 }), RangeError, 'concurrency', 'at most 64');
    expectError(options({ maxQueue: -1 }), RangeError, 'maxQueue');
    expectError(options({ maxQueue: 'x' }), TypeError, 'maxQueue');
    expectError(() => compile(net(), [2, 3, 6, 6]).runSync(images(2).trace() as never), TypeError, 'tape');
  });

  it('refuses an update by another structure and keeps the weights', () => {
    const plan = compile(net(), [2, 3, 6, 6]);
    const x = images(2);
    const before = plan.runSync(x).array();
    const others = [
      new Sequential(...net().layers, new Tanh()),
      new Sequential(...net().layers.slice(0, 4), new Linear(4, 6)),
      new Sequential(...net().layers.slice(0, 3), new Flatten2D(), new Linear(144, 5)),
      new Sequential(
        ...net().layers.slice(0, 4),
        new GeneralizedResidual(new Linear(4, 5), new Linear(4, 5)) as never,
      ),
    ];
    for (const other of others) {
      expectError(() => plan.update(other), RangeError, 'a model of the same structure');
    }
    expectError(() => plan.update(new Linear(7, 5)), RangeError, 'for x');
    expectError(() => (plan.update as Untyped)(1), TypeError, 'model');
    expect(plan.runSync(x).array()).to.deep.equal(before);
  });

  it('shows its shapes when it is printed', async () => {
    const { inspect } = await import('node:util');
    const plan = compile(net(), [2, 3, 6, 6]);
    const count = plan.operations.length;
    expect(inspect(plan)).to.equal(`Plan { [2, 3, 6, 6] -> [2, 5], ${count} operations }`);
  });
});
