import { type CodedError, tooManyArguments } from './errors.js';

// TypeScript refuses calls with too many arguments; here JavaScript callers get an error for them too. A
// surplus argument is usually meant for another library's function of the same name: x.mean(axis).

/**
 * For functions and constructors, which look at `arguments.length` first:
 *
 *     if (arguments.length > 2) requireNoSurplus('backward', 2, arguments);
 *
 * Methods are guarded by `guardMethods`.
 * @throws TypeError naming the first surplus argument.
 */
export function requireNoSurplus(name: string, max: number, given: ArrayLike<unknown>): void {
  const error = findSurplus(name, max, given);
  if (error !== undefined) throw error;
}

/** The error for the first surplus argument; undefined counts as missing. */
export function findSurplus(
  name: string,
  max: number,
  given: ArrayLike<unknown>,
): CodedError<TypeError> | undefined {
  for (let i = max; i < given.length; i++) {
    if (given[i] !== undefined) return tooManyArguments(name, max, given, i);
  }
  return undefined;
}
