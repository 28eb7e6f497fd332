import {
  orDefault,
  requireFinite,
  requireFraction,
  requireOptions,
  requireNonNegative,
  requirePositive,
  requirePositiveInteger,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';

/** The learning rate of a step, counted from 0. Any function will do, not just those of this module. */
export type Schedule = (step: number) => number;

/** Settings of `stepSchedule`. */
export interface StepScheduleOptions {
  /** Learning rate of the first steps. */
  readonly lr: number;
  /** Number of steps between reductions. */
  readonly every: number;
  /** Factor of each reduction. Default 0.1. */
  readonly factor?: number;
}

/** Settings of `warmupSchedule`. */
export interface WarmupScheduleOptions {
  /** Learning rate after the warm-up. */
  readonly lr: number;
  /** Number of warm-up steps. */
  readonly warmup: number;
  /** Fraction of `lr` at step 0. Default 1 / (warmup + 1), which makes all increments equal. */
  readonly start?: number;
}

/** Settings of `cosineSchedule`. */
export interface CosineScheduleOptions {
  /** The largest learning rate. */
  readonly lr: number;
  /** Total number of steps, warm-up included. */
  readonly steps: number;
  /** Steps of linear warm-up to `lr`. Default 0. */
  readonly warmup?: number;
  /** Learning rate at step `steps`, one past the last. Default 0. */
  readonly final?: number;
}

/** Settings of `oneCycleSchedule`. */
export interface OneCycleScheduleOptions {
  /** The largest learning rate. */
  readonly lr: number;
  /** Total number of steps. */
  readonly steps: number;
  /** Fraction of the steps in which the rate rises. Default 0.3. */
  readonly rise?: number;
  /** The first learning rate is `lr / startDivisor`. Default 25. */
  readonly startDivisor?: number;
  /** The last learning rate is the first divided by `finalDivisor`. Default 10000. */
  readonly finalDivisor?: number;
}

/** The same learning rate in every step. */
export function constantSchedule(lr: number): Schedule {
  if (arguments.length > 1) requireNoSurplus('constantSchedule', 1, arguments);
  requireNonNegative('lr', lr);
  return (step) => {
    requireStep(step);
    return lr;
  };
}

/** lr * factor^floor(step / every): PyTorch's `StepLR`. */
export function stepSchedule(options: StepScheduleOptions): Schedule {
  if (arguments.length > 1) requireNoSurplus('stepSchedule', 1, arguments);
  const given = requireGiven(options, ['lr', 'every', 'factor']);
  const lr = requireNonNegative('lr', given.lr);
  const every = requirePositiveInteger('every', given.every);
  const factor = requirePositive('factor', orDefault(given.factor, 0.1));
  return (step) => lr * factor ** Math.floor(requireStep(step) / every);
}

/** lr * (start + (1 - start) * step / warmup), and lr from step `warmup` on: PyTorch's `LinearLR`. */
export function warmupSchedule(options: WarmupScheduleOptions): Schedule {
  if (arguments.length > 1) requireNoSurplus('warmupSchedule', 1, arguments);
  const given = requireGiven(options, ['lr', 'warmup', 'start']);
  const lr = requireNonNegative('lr', given.lr);
  const warmup = requirePositiveInteger('warmup', given.warmup);
  const start = requireFraction('start', orDefault(given.start, 1 / (warmup + 1)));
  return (step) => lr * (start + (1 - start) * Math.min(requireStep(step) / warmup, 1));
}

/**
 * A linear warm-up (`warmupSchedule`), then half a cosine from lr down to `final`. After the last step the rate stays
 * constant (Loshchilov and Hutter, 2017; PyTorch's `CosineAnnealingLR`):
 *
 *     final + (lr - final) * (1 + cos(pi * (step - warmup) / (steps - warmup))) / 2
 */
export function cosineSchedule(options: CosineScheduleOptions): Schedule {
  if (arguments.length > 1) requireNoSurplus('cosineSchedule', 1, arguments);
  const given = requireGiven(options, ['lr', 'steps', 'warmup', 'final']);
  const lr = requireNonNegative('lr', given.lr);
  const steps = requirePositiveInteger('steps', given.steps);
  const warmup = given.warmup === undefined ? 0 : requireCount('warmup', given.warmup, steps);
  const final = requireFinite('final', orDefault(given.final, 0));
  if (final < 0 || final > lr) throw wrongValue('final', `a number from 0 to ${lr}, the lr,`, String(final));
  const rising = warmup === 0 ? undefined : warmupSchedule({ lr, warmup });
  return (step) => {
    if (requireStep(step) < warmup && rising !== undefined) return rising(step);
    return eased(lr, final, (Math.min(step, steps - 1) - warmup) / (steps - warmup));
  };
}

/**
 * Half a cosine up from lr / startDivisor to lr, then half a cosine down to the first rate divided by finalDivisor at the
 * last step, after which the rate stays constant (Smith and Topin, 2018; PyTorch's `OneCycleLR`).
 */
export function oneCycleSchedule(options: OneCycleScheduleOptions): Schedule {
  if (arguments.length > 1) requireNoSurplus('oneCycleSchedule', 1, arguments);
  const given = requireGiven(options, ['lr', 'steps', 'rise', 'startDivisor', 'finalDivisor']);
  const lr = requireNonNegative('lr', given.lr);
  const steps = requirePositiveInteger('steps', given.steps);
  const first = lr / requirePositive('startDivisor', orDefault(given.startDivisor, 25));
  const last = first / requirePositive('finalDivisor', orDefault(given.finalDivisor, 1e4));
  const peak = requireFraction('rise', orDefault(given.rise, 0.3)) * steps - 1;
  return (step) => {
    if (requireStep(step) <= peak) return eased(first, lr, peak === 0 ? 1 : step / peak);
    const top = Math.max(peak, 0);
    return eased(lr, last, steps - 1 > top ? (step - top) / (steps - 1 - top) : 1);
  };
}

/** Half a cosine from `from` at 0 to `to` at 1; constant after that. */
function eased(from: number, to: number, part: number): number {
  if (part >= 1) return to;
  return to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
}

function requireGiven(options: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (options === undefined) throw wrongType('options', 'an object', options);
  return requireOptions('options', options, names);
}

export function requireStep(step: unknown, argument = 'step'): number {
  const expected = 'a non-negative integer';
  if (typeof step !== 'number') throw wrongType(argument, expected, step);
  if (!Number.isSafeInteger(step) || step < 0) throw wrongValue(argument, expected, String(step));
  return step;
}

/** An integer from 0 up to but not including `limit`. */
function requireCount(argument: string, value: unknown, limit: number): number {
  const count = requireStep(value, argument);
  if (count >= limit) throw wrongValue(argument, `an integer below ${limit}`, String(count));
  return count;
}
