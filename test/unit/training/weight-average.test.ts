import {
  Adam,
  backward,
  BatchNorm1D,
  FileFormatError,
  Linear,
  loadCheckpoint,
  recalibrate,
  saveCheckpoint,
  Sequential,
  Sgd,
  Tensor,
  WeightAverage,
  type WeightAverageOptions,
} from 'batchnorm';
import { expect } from 'chai';
import { inspect } from 'node:util';
import { expectError, expectRejection } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { Parameter } from '../../support/parameter.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** The average after each of these weights, with the formulas in float64. */
function averaged(weights: readonly number[], decay?: number): number {
  let average = weights[0];
  for (let n = 1; n < weights.length; n++) {
    average =
      decay === undefined
        ? average + (weights[n] - average) / (n + 1)
        : decay * average + (1 - decay) * weights[n];
  }
  return average;
}

function network(seed = 1) {
  const rng = seeded(seed);
  const model = new Sequential(new Linear(3, 4, { rng }), new BatchNorm1D(4), new Linear(4, 2, { rng }));
  const x = Tensor.randn([6, 3], { rng });
  const adam = new Adam({ lr: 0.05 });
  const step = () => {
    adam.update(model, backward(model.forwardMut(x.trace()).square().sum()));
  };
  return { model, adam, step, x };
}

const valuesOf = (model: ReturnType<typeof network>['model']) =>
  model.parameters().map(([, tensor]) => [...tensor.clone().data]);

describe('WeightAverage', () => {
  const path = temporaryDirectory();

  for (const options of [{}, { decay: 0.75 }, { decay: 0 }] satisfies WeightAverageOptions[]) {
    it(`follows its formula with ${JSON.stringify(options)}`, () => {
      const module = new Parameter();
      const average = new WeightAverage(module, options);
      const sgd = new Sgd({ lr: 0.1 });
      const seen: number[] = [];
      for (let i = 0; i < 6; i++) {
        sgd.update(module, backward(module.loss()));
        average.update();
        seen.push(module.w.array()[0]);
      }
      expect(average.count).to.equal(6);
      const target = average.copyTo(new Parameter());
      expectNear([target.w.array()[0]], [averaged(seen, options.decay)], 1e-6);
      expect(module.w.array()[0]).to.equal(seen[5]);
    });
  }

  it('begins with the weights of the module', () => {
    const module = new Parameter();
    const average = new WeightAverage(module);
    module.w.data.set([7, 8]);
    expect(average.copyTo(new Parameter()).w.array()).to.deep.equal([1, -2]);
  });

  it('does not move away from constant weights', () => {
    const module = new Parameter();
    module.w.data.set([1 / 3, -1e-30]);
    const average = new WeightAverage(module, { decay: 0.9 });
    for (let i = 0; i < 100; i++) average.update();
    expect(average.copyTo(new Parameter()).w.array()).to.deep.equal(module.w.array());
  });

  it('swaps the weights for an evaluation and back', () => {
    const { model, step } = network();
    const average = new WeightAverage(model, { decay: 0.5 });
    for (let i = 0; i < 3; i++) {
      step();
      average.update();
    }
    const before = valuesOf(model);
    const expected = valuesOf(average.copyTo(model.clone()));
    expect(expected).not.to.deep.equal(before);
    average.swap();
    expect(average.swapped).to.equal(true);
    expect(valuesOf(model)).to.deep.equal(expected);
    for (const act of [() => average.update(), () => average.copyTo(model.clone())]) {
      expectError(act, Error, 'another call of swap() before');
    }
    average.swap();
    expect(average.swapped).to.equal(false);
    expect(valuesOf(model)).to.deep.equal(before);
    expect(valuesOf(average.copyTo(model.clone()))).to.deep.equal(expected);
  });

  it('counts a swap as a change of the weights that a graph saved', () => {
    const { model, x } = network();
    const average = new WeightAverage(model);
    const loss = model.forwardMut(x.trace()).sum();
    average.swap();
    expectError(() => backward(loss), Error, 'changed');
  });

  it('averages running statistics only with buffers', () => {
    for (const buffers of [false, true]) {
      const { model, step } = network();
      const average = new WeightAverage(model, { buffers });
      const seen: number[] = [];
      for (let i = 0; i < 4; i++) {
        step();
        average.update();
        seen.push(model.layers[1].runningMean.array()[0]);
      }
      const copy = average.copyTo(model.clone());
      const expected = buffers ? averaged(seen) : seen[3];
      expectNear([copy.layers[1].runningMean.array()[0]], [expected], 1e-6);
    }
  });

  it('leaves statistics of the averaged weights to recalibrate', async () => {
    const { model, step, x } = network();
    const average = new WeightAverage(model);
    for (let i = 0; i < 4; i++) {
      step();
      average.update();
    }
    const copy = average.copyTo(model.clone());
    await recalibrate(copy, [x]);
    const rows = copy.layers[0].forward(x).array();
    const mean = rows.reduce((sum, [first]) => sum + first, 0) / rows.length;
    expectNear([copy.layers[1].runningMean.array()[0]], [mean], 1e-5);
    expect(model.layers[1].runningMean.array()).not.to.deep.equal(copy.layers[1].runningMean.array());
  });

  for (const options of [{}, { decay: 0.9, buffers: true }]) {
    it(`resumes bit for bit with ${JSON.stringify(options)}`, async () => {
      const run = (seed: number) => {
        const { model, adam, step } = network(seed);
        const average = new WeightAverage(model, options);
        const advance = (steps: number) => {
          for (let i = 0; i < steps; i++) {
            step();
            average.update();
          }
        };
        return { training: { model, optimizer: adam, parts: { average } }, average, model, advance };
      };
      const whole = run(1);
      whole.advance(3);
      await saveCheckpoint(path('average.npz'), whole.training);
      whole.advance(4);
      const second = run(1);
      second.advance(1);
      await loadCheckpoint(path('average.npz'), second.training);
      expect(second.average.count).to.equal(3);
      second.advance(4);
      expect(valuesOf(second.average.copyTo(second.model.clone()))).to.deep.equal(
        valuesOf(whole.average.copyTo(whole.model.clone())),
      );
      for (const other of [{ decay: 0.5 }, 'decay' in options ? {} : { buffers: true }]) {
        const { training, model } = run(1);
        const average = new WeightAverage(model, other);
        const before = valuesOf(model);
        const loading = loadCheckpoint(path('average.npz'), { ...training, parts: { average } });
        await expectRejection(loading, FileFormatError, 'checkpoint.part.average.');
        expect(valuesOf(model)).to.deep.equal(before);
        expect(average.count).to.equal(0);
      }
      second.average.swap();
      await expectRejection(saveCheckpoint(path('no.npz'), second.training), Error, 'before write()');
    });
  }

  it('prints its settings and refuses JSON', () => {
    const module = new Parameter();
    expect(inspect(new WeightAverage(module))).to.equal('WeightAverage { mean, count: 0, tensors: 1 }');
    expect(inspect(new WeightAverage(module, { decay: 0.5 }))).to.include('decay: 0.5');
    expectError(() => JSON.stringify(new WeightAverage(module)), TypeError, 'saveCheckpoint()');
  });

  it('refuses wrong arguments by name and changes nothing', () => {
    const make =
      (...args: unknown[]) =>
      () =>
        Reflect.construct(WeightAverage, args) as object;
    const module = new Parameter();
    expectError(make({}), TypeError, 'for module', 'Object');
    expectError(make(module, { decay: 1 }), RangeError, 'for decay', '1');
    expectError(make(module, { buffers: 1 }), TypeError, 'for buffers', '1');
    expectError(make(module, { rate: 1 }), TypeError, 'decay, buffers', '"rate"');
    const { model } = network();
    const average = new WeightAverage(model);
    const other = new Sequential(new Linear(3, 4), new BatchNorm1D(4), new Linear(4, 5));
    const before = other.layers[0].weight.array();
    expectError(() => average.copyTo(other), RangeError, '2.weight of target', '[2, 4]', '[5, 4]');
    expectError(() => average.copyTo(new Linear(3, 4)), RangeError, 'target', 'the tensor 0.weight');
    expect(other.layers[0].weight.array()).to.deep.equal(before);
  });
});
