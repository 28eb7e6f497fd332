import { wrongType } from '../validation/errors.js';
import type { RandomSource } from './tensor.js';

/** @throws TypeError for what cannot be called. */
export function requireRandomSource(argument: string, value: unknown): RandomSource {
  if (typeof value === 'function') return value as RandomSource;
  throw wrongType(argument, 'a function that returns numbers in [0, 1)', value);
}
