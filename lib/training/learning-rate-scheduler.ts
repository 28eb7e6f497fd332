import { requireFinite, wrongType } from '../validation/errors.js';
import { callSync } from '../validation/synchronous.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { requireStep, type Schedule } from './schedules.js';
import { defineInspect } from '../printing/inspect.js';
import { refuseJson } from '../printing/refuse-json.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** An optimizer with a learning rate: `Sgd`, `Adam`, `RMSprop`, or your own. */
export interface HasLearningRate {
  /** Learning rate of the next step. */
  lr: number;
}

/**
 * Sets the learning rate of an optimizer for each step from a schedule.
 *
 * @example
 * const scheduler = new LearningRateScheduler(sgd, cosineSchedule({ lr: 0.1, steps: 1000, warmup: 50 }));
 * sgd.update(net, backward(loss));
 * scheduler.next();
 */
export class LearningRateScheduler {
  static {
    guardMethods(this);
    defineInspect<LearningRateScheduler>(this.prototype, function () {
      return `LearningRateScheduler { step: ${this.#step}, lr: ${this.#optimizer.lr} }`;
    });
    refuseJson(this.prototype, "a scheduler's step", 'saveCheckpoint() keeps it as one of the parts');
  }

  readonly #optimizer: HasLearningRate;
  readonly #schedule: Schedule;
  #step = 0;

  /**
   * Sets the learning rate of step 0.
   * @param schedule Maps the number of a step to its learning rate.
   * @throws TypeError for a wrong argument; whatever the optimizer throws for an invalid learning rate.
   */
  constructor(optimizer: HasLearningRate, schedule: Schedule) {
    if (arguments.length > 2) requireNoSurplus(`new ${new.target.name}`, 2, arguments);
    const candidate = optimizer as Partial<HasLearningRate> | null | undefined;
    if (typeof candidate?.lr !== 'number') throw wrongType('optimizer', 'an object with lr', optimizer);
    if (typeof schedule !== 'function') {
      throw wrongType('schedule', 'a function from the number of a step to its lr', schedule);
    }
    this.#optimizer = optimizer;
    this.#schedule = schedule;
    this.step = 0;
  }

  /** The step whose learning rate the optimizer has. Assigning a step sets its learning rate; if the optimizer rejects
   * the rate, nothing has changed. */
  get step(): number {
    return this.#step;
  }

  set step(step: number) {
    this.#optimizer.lr = this.#rateAt(requireStep(step));
    this.#step = step;
  }

  /** Advances to the next step and returns its learning rate. */
  next(): number {
    this.step++;
    return this.#optimizer.lr;
  }

  /** Adds `step.npy` with `prefix` before each name. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    zip.number(`${prefix}step.npy`, this.#step);
  }

  /** Reads what `write` wrote. The learning rate comes from the schedule, which is not in the file. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    const step = await zip.number(`${prefix}step.npy`, {
      expected: 'a number of steps',
      fits: (value) => Number.isSafeInteger(value) && value >= 0,
    });
    // Before anything changes, because the schedule may have no rate for this step. If the optimizer rejects the rate, the
    // whole load is undone.
    const lr = this.#rateAt(step);
    zip.replace<readonly [lr: number, step: number]>(
      () => [this.#optimizer.lr, this.#step],
      ([rate, at]) => {
        this.#optimizer.lr = rate;
        this.#step = at;
      },
      [lr, step],
    );
  }
  /** The schedule's rate, checked here because a user's schedule may return anything and a user's optimizer need not
   * check it. */
  #rateAt(step: number): number {
    const rate = callSync<unknown>('schedule', () => this.#schedule(step));
    return requireFinite(`the learning rate of step ${step} from schedule`, rate);
  }
}
