// Checks that hold for values of any realm. Jest, vitest's vmThreads and vm contexts have classes of their own, of which the
// errors of node:fs and the arrays of structuredClone are not instances. ESLint therefore forbids `instanceof` with a
// built-in class in lib/; tensor/typed-array.ts has the checks of typed arrays.
import { types } from 'node:util';

export const { isNativeError } = types;

/** Whether memory could not be allocated, or another value was out of range. */
export function isRangeError(error: unknown): boolean {
  return isNativeError(error) && error.name === 'RangeError';
}

/** Whether a value is a URL of Node, jsdom or another implementation. */
export function isUrl(value: unknown): value is { readonly href: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol } = value as Partial<URL>;
  return typeof href === 'string' && typeof protocol === 'string';
}
