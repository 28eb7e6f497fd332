import { requireFinite, wrongType } from '../validation/errors.js';
import { callSync } from '../validation/synchronous.js';
import { requireReader, requireWriter } from '../io/npz/archive-arguments.js';
import type { NpzReader } from '../io/npz/npz-reader.js';
import type { NpzWriter } from '../io/npz/npz-writer.js';
import { requireStep, type Schedule } from './schedules.js';
import { guardMethods } from '../validation/guard-methods.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** What has a learning rate: `Sgd`, `Adam`, `RMSprop`, or an optimizer of yours. */
export interface HasLearningRate {
  /** Learning rate of the next step. */
  lr: number;
}

/**
 * Counts steps and sets the learning rate of an optimizer accordingly.
 *
 * @example
 * const scheduler = new LearningRateScheduler(sgd, cosineSchedule({ lr: 0.1, steps: 1000, warmup: 50 }));
 * sgd.update(net, backward(loss));
 * scheduler.next();
 */
export class LearningRateScheduler {
  static {
    guardMethods(this);
  }

  readonly #optimizer: HasLearningRate;
  readonly #schedule: Schedule;
  #step = 0;

  /**
   * Sets the learning rate of step 0.
   * @param schedule From the number of a step to its learning rate.
   * @throws TypeError for a wrong argument; what the optimizer throws for a learning rate that is none.
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

  /** The step whose learning rate the optimizer has. Writing it sets that rate; where the optimizer refuses
   * it, nothing has changed. */
  get step(): number {
    return this.#step;
  }

  set step(step: number) {
    this.#optimizer.lr = this.#rateAt(requireStep(step));
    this.#step = step;
  }

  /** Goes on to the next step; gives its learning rate. */
  next(): number {
    this.step++;
    return this.#optimizer.lr;
  }

  /** Adds `step.npy` behind `prefix`. */
  write(zip: NpzWriter, prefix: string): void {
    requireWriter(zip, prefix);
    zip.number(`${prefix}step.npy`, this.#step);
  }

  /** Reads what `write` writes. The learning rate is the schedule's, which is not in the file. */
  async read(zip: NpzReader, prefix: string): Promise<void> {
    requireReader(zip, prefix);
    const step = await zip.number(`${prefix}step.npy`, {
      expected: 'a number of steps',
      fits: (value) => Number.isSafeInteger(value) && value >= 0,
    });
    // Before anything changes: the schedule may have no rate for it. A rate that the optimizer refuses takes the whole
    // load back.
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
  /** What the schedule returns, which may be the user's. An optimizer of theirs need not check it. */
  #rateAt(step: number): number {
    const rate = callSync<unknown>('schedule', () => this.#schedule(step));
    return requireFinite(`the learning rate of step ${step} from schedule`, rate);
  }
}
