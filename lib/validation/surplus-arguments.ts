import { type CodedError, tooManyArguments } from './errors.js';

// TypeScript refuses calls with too many arguments; these checks refuse them at run time for JavaScript
// callers. A surplus argument usually belongs to another library's function of the same name: x.mean(axis).

/**
 * For functions and constructors, which check `arguments.length` first:
 *
 *     if (arguments.length > 2) requireNoSurplus('backward', 2, arguments);
 *
 * `guardMethods` does the same for methods.
 * @throws TypeError naming the first surplus argument.
 */
export function requireNoSurplus(name: string, max: number, given: ArrayLike<unknown>): void {
  const error = findSurplus(name, max, given);
  if (error !== undefined) throw error;
}

/** The error for the first surplus argument. An argument that is undefined counts as missing. */
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
