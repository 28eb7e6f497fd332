import { cosineSchedule, LearningRateScheduler, loadNpz, saveNpz, type Schedule, Sgd } from 'batchnorm';
import { expect } from 'chai';
import { expectError, expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

describe('LearningRateScheduler', () => {
  const path = temporaryDirectory();

  it("sets the optimizer's learning rate in each step", () => {
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

  it('stays at its step if the optimizer refuses the rate', () => {
    const sgd = new Sgd();
    const scheduler = new LearningRateScheduler(sgd, (step) => (step === 0 ? 0.1 : -1));
    expectError(() => scheduler.next(), RangeError, 'for lr', '-1');
    expect([scheduler.step, sgd.lr]).to.deep.equal([0, 0.1]);
  });

  it('refuses a nonfinite result of the schedule, even if the optimizer accepts it', async () => {
    const saved = new LearningRateScheduler(new Sgd(), () => 1);
    saved.step = 1;
    await saveNpz(path('step.npz'), saved);
    for (const [wrong, type] of [
      [NaN, RangeError],
      [Infinity, RangeError],
      [undefined, TypeError],
      ['1', TypeError],
      [1n, TypeError],
    ] as const) {
      const optimizer = { lr: 5 };
      const schedule = ((step: number) => (step === 0 ? 0.1 : wrong)) as Schedule;
      const scheduler = new LearningRateScheduler(optimizer, schedule);
      expectError(() => scheduler.next(), type, 'the learning rate of step 1 from schedule');
      await expectRejection(loadNpz(path('step.npz'), scheduler), type, 'step 1 from schedule');
      expect([scheduler.step, optimizer.lr]).to.deep.equal([0, 0.1]);
    }
  });

  it("loads its step and sets the optimizer's rate for it", async () => {
    const schedule = cosineSchedule({ lr: 1, steps: 10 });
    const saved = new LearningRateScheduler(new Sgd(), schedule);
    saved.step = 7;
    await saveNpz(path('scheduler.npz'), saved);
    const sgd = new Sgd();
    const scheduler = new LearningRateScheduler(sgd, schedule);
    await loadNpz(path('scheduler.npz'), scheduler);
    expect([scheduler.step, sgd.lr]).to.deep.equal([7, schedule(7)]);
    // A different schedule gives a different rate for that step: the file holds no rate.
    const other = new Sgd();
    await loadNpz(path('scheduler.npz'), new LearningRateScheduler(other, (step) => 1 / (step + 1)));
    expect(other.lr).to.equal(1 / 8);
  });

  it('refuses invalid arguments', () => {
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
