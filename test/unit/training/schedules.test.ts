import {
  Adam,
  backward,
  constantSchedule,
  cosineSchedule,
  LearningRateScheduler,
  Linear,
  oneCycleSchedule,
  RMSprop,
  type Schedule,
  Sgd,
  stepSchedule,
  Tensor,
  warmupSchedule,
} from 'batchnorm';
import { expect } from 'chai';
import { readCases, type ScheduleCase } from '../../conformance/reference/read.js';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';

const lr = 0.2;
const steps = 40;
const ours: Record<string, Schedule> = {
  step: stepSchedule({ lr, every: 7, factor: 0.3 }),
  warmup: warmupSchedule({ lr, warmup: 9, start: 0.25 }),
  cosine: cosineSchedule({ lr, steps, final: 0.01 }),
  warm_cosine: cosineSchedule({ lr, steps, warmup: 5, final: 0.01 }),
  one_cycle: oneCycleSchedule({ lr, steps }),
  one_cycle_other: oneCycleSchedule({ lr, steps, rise: 0.55, startDivisor: 4, finalDivisor: 50 }),
};

describe('learning-rate schedules', () => {
  for (const { schedule, rates } of readCases<ScheduleCase>('pytorch/schedules.jsonl')) {
    it(`match PyTorch: ${schedule}`, () => {
      expectNear(
        rates.map((_, step) => ours[schedule](step)),
        rates,
        1e-12,
        schedule,
      );
    });
  }

  it('include a constant rate', () => {
    expect([0, 1, 1e9].map(constantSchedule(0.3))).to.deep.equal([0.3, 0.3, 0.3]);
  });

  it('warm up linearly by default', () => {
    expectNear(
      [0, 1, 2, 3, 4, 100].map(warmupSchedule({ lr: 1, warmup: 4 })),
      [0.2, 0.4, 0.6, 0.8, 1, 1],
      1e-15,
    );
  });

  it('are positive in every step of their range, and stay at the final rate', () => {
    const cosine = cosineSchedule({ lr: 1, steps: 10, warmup: 3 });
    for (let step = 0; step < 10; step++) expect(cosine(step)).to.be.greaterThan(0).and.at.most(1);
    expect([10, 11, 1e6].map(cosine)).to.deep.equal([9, 9, 9].map(cosine));
    const cycle = oneCycleSchedule({ lr: 1, steps: 10 });
    expectNear([9, 10, 1e6].map(cycle), [4e-6, 4e-6, 4e-6], 1e-15);
    expect(oneCycleSchedule({ lr: 1, steps: 1 })(0)).to.be.greaterThan(0);
    expect(oneCycleSchedule({ lr: 1, steps: 2, rise: 0.5 })(0)).to.be.greaterThan(0);
    expect(oneCycleSchedule({ lr: 1, steps: 4, rise: 1 })(3)).to.equal(1);
    expect(oneCycleSchedule({ lr: 1, steps: 4, rise: 0 })(0)).to.equal(1);
  });

  it('refuse invalid options and steps by name', () => {
    const call = (make: unknown, options: unknown) => () => (make as Untyped)(options);
    expectError(call(constantSchedule, -1), RangeError, 'for lr', '-1');
    expectError(call(stepSchedule, undefined), TypeError, 'for options', 'undefined');
    expectError(call(stepSchedule, { lr: 1 }), TypeError, 'for every', 'undefined');
    expectError(call(stepSchedule, { lr: 1, every: 2, factor: 0 }), RangeError, 'for factor', '0');
    expectError(call(stepSchedule, { lr: 1, every: 2, gamma: 1 }), TypeError, '"gamma"');
    expectError(call(warmupSchedule, { lr: 1, warmup: 0 }), RangeError, 'for warmup', '0');
    expectError(call(warmupSchedule, { lr: 1, warmup: 2, start: 2 }), RangeError, 'for start', '2');
    expectError(call(cosineSchedule, { lr: 1, steps: 5, warmup: 5 }), RangeError, 'below 5 for warmup', '5');
    expectError(call(cosineSchedule, { lr: 1, steps: 5, final: 2 }), RangeError, 'for final', '2');
    expectError(call(cosineSchedule, { lr: '1', steps: 5 }), TypeError, 'for lr', '"1"');
    expectError(call(oneCycleSchedule, { lr: 1, steps: 5, rise: -1 }), RangeError, 'for rise', '-1');
    expectError(
      call(oneCycleSchedule, { lr: 1, steps: 5, startDivisor: 0 }),
      RangeError,
      'for startDivisor',
      '0',
    );
    for (const schedule of [...Object.values(ours), constantSchedule(1)]) {
      expectError(() => schedule(-1), RangeError, 'for step', '-1');
      expectError(() => schedule(0.5), RangeError, 'for step', '0.5');
      expectError(() => (schedule as Untyped)('1'), TypeError, 'for step', '"1"');
    }
  });
});

describe('a learning rate of 0', () => {
  const optimizers = { Sgd, Adam, RMSprop };
  for (const [name, Optimizer] of Object.entries(optimizers)) {
    it(`is accepted by ${name} and changes no parameter`, () => {
      const layer = new Linear(2, 1);
      const before = layer.weight.array();
      const step = () => {
        const x = Tensor.from([1, 2], [1, 2]).trace();
        optimizer.update(layer, backward(layer.forward(x).square().sum()));
      };
      const optimizer = new Optimizer({ lr: 0 });
      step();
      expect(layer.weight.array()).to.deep.equal(before);
      optimizer.lr = 0.1;
      step();
      expect(layer.weight.array()).not.to.deep.equal(before);
      optimizer.lr = 0;
      expect(optimizer.lr).to.equal(0);
      expectError(() => (optimizer.lr = -0.1), RangeError, 'non-negative', 'for lr', '-0.1');
      expectError(() => (optimizer.lr = NaN), RangeError, 'for lr', 'NaN');
    });
  }

  it('is the first and the last rate of schedules', () => {
    const rates = (schedule: Schedule, steps: readonly number[]) => {
      const scheduler = new LearningRateScheduler(new Sgd(), schedule);
      return steps.map((step) => {
        scheduler.step = step;
        return schedule(step);
      });
    };
    expect(rates(warmupSchedule({ lr: 1, warmup: 4, start: 0 }), [0, 2, 4])).to.deep.equal([0, 0.5, 1]);
    expect(rates((step) => 1 - step / 10, [0, 10])).to.deep.equal([1, 0]);
    // Below the smallest double the rate is 0.
    const [last] = rates(stepSchedule({ lr: 1, every: 1, factor: 0.9 }), [7_100]);
    expect(last).to.equal(0);
    expect(rates(stepSchedule({ lr: 0.1, every: 1 }), [7_051])).to.deep.equal([0]);
    for (const schedule of [
      constantSchedule(0),
      stepSchedule({ lr: 0, every: 2 }),
      warmupSchedule({ lr: 0, warmup: 2 }),
      cosineSchedule({ lr: 0, steps: 4 }),
      oneCycleSchedule({ lr: 0, steps: 4 }),
    ]) {
      expect(rates(schedule, [0, 1, 2, 3])).to.deep.equal([0, 0, 0, 0]);
    }
  });
});
