import { describe, requireOptions, wrongType, wrongValue } from '../validation/errors.js';

/** Uniformly distributed numbers in [0, 1): `Math.random`, or a seeded generator. */
export type RandomSource = () => number;

const expected = 'a function that returns numbers in [0, 1)';

/** @throws TypeError for a value that cannot be called. */
export function requireRandomSource(argument: string, value: unknown): RandomSource {
  if (typeof value === 'function') return value as RandomSource;
  throw wrongType(argument, expected, value);
}

/**
 * The next number of a generator.
 * @throws RangeError unless it is a number in [0, 1).
 */
export function drawNumber(argument: string, rng: RandomSource): number {
  const value: unknown = rng();
  if (typeof value === 'number' && value >= 0 && value < 1) return value;
  throw wrongValue(argument, expected, `one that returned ${describe(value)}`);
}

/** Settings of functions and layers that draw random numbers. */
export interface RandomOptions {
  /** The source of the numbers. Default `Math.random`; a seeded generator makes a run repeatable. */
  readonly rng?: RandomSource;
}

/** @throws TypeError for other options, or a generator that cannot be called. */
export function readRandomSource(options: RandomOptions | undefined): RandomSource {
  const { rng = Math.random } = requireOptions('options', options, ['rng']);
  return requireRandomSource('rng', rng);
}
