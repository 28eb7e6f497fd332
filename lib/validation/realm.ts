// Checks for values of any realm. Jest, vitest's vmThreads and vm contexts have their own built-in classes,
// and the errors of node:fs and the arrays of structuredClone are not instances of them. ESLint therefore
// forbids `instanceof` with a built-in class in lib/. The checks of typed arrays are in typed-array.ts.
import { types } from 'node:util';

export const { isMap, isNativeError, isRegExp, isSet } = types;

/** Whether a value is a RangeError, as V8 throws if it cannot allocate memory. */
export function isRangeError(error: unknown): boolean {
  return isNativeError(error) && error.name === 'RangeError';
}

/** Whether a value is a URL of Node, jsdom or another implementation. */
export function isUrl(value: unknown): value is { readonly href: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { href, protocol } = value as Partial<URL>;
  return typeof href === 'string' && typeof protocol === 'string';
}
