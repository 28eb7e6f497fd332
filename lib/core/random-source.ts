import { wrongType } from '../validation/errors.js';

/** Uniformly distributed numbers in [0, 1): `Math.random`, or a seeded generator. */
export type RandomSource = () => number;

/** @throws TypeError for what cannot be called. */
export function requireRandomSource(argument: string, value: unknown): RandomSource {
  if (typeof value === 'function') return value as RandomSource;
  throw wrongType(argument, 'a function that returns numbers in [0, 1)', value);
}
