import { cosineSchedule, LearningRateScheduler, loadNpz, saveNpz, Sgd } from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('LearningRateScheduler', () => {
  const path = temporaryDirectory();

  it("sets the optimizer's learning rate, step by step", () => {
    const sgd = new Sgd({ lr: 5 });
    const schedule = cosineSchedule({ lr: 1, steps: 4, warmup: 1 });
    const scheduler = new LearningRateScheduler(sgd, schedule);
    const rates = [sgd.lr];
    for (let step = 1; step < 4; step++) {
      expect(scheduler.next()).to.equal(sgd.lr);
      rates.push(sgd.lr);
    }
    expect(rates).to.deep.equal([0, 1, 2, 3].map(schedule));
    expect(scheduler.step).to.equal(3);
    scheduler.step = 1;
    expect(sgd.lr).to.equal(1);
  });

  it('stays where the optimizer refuses the rate', () => {
    const sgd = new Sgd();
    const scheduler = new LearningRateScheduler(sgd, (step) => (step === 0 ? 0.1 : NaN));
    expectError(() => scheduler.next(), RangeError, 'for lr', 'NaN');
    expect([scheduler.step, sgd.lr]).to.deep.equal([0, 0.1]);
  });

  it('loads its step, and gives the optimizer the rate of it', async () => {
    const schedule = cosineSchedule({ lr: 1, steps: 10 });
    const saved = new LearningRateScheduler(new Sgd(), schedule);
    saved.step = 7;
    await saveNpz(path('scheduler.npz'), saved);
    const sgd = new Sgd();
    const scheduler = new LearningRateScheduler(sgd, schedule);
    await loadNpz(path('scheduler.npz'), scheduler);
    expect([scheduler.step, sgd.lr]).to.deep.equal([7, schedule(7)]);
    // Another schedule has another rate for that step: the file holds no rate.
    const other = new Sgd();
    await loadNpz(path('scheduler.npz'), new LearningRateScheduler(other, (step) => 1 / (step + 1)));
    expect(other.lr).to.equal(1 / 8);
  });

  it('refuses wrong arguments', () => {
    const make =
      (...args: unknown[]) =>
      () =>
        Reflect.construct(LearningRateScheduler, args) as object;
    expectError(
      make({}, () => 1),
      TypeError,
      'lr for optimizer',
      'Object',
    );
    expectError(make(new Sgd(), 0.1), TypeError, 'for schedule', '0.1');
    const scheduler = new LearningRateScheduler(new Sgd(), () => 1);
    expectError(() => (scheduler.step = -1), RangeError, 'for step', '-1');
  });
});
