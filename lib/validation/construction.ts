import { illegalConstructor } from './errors.js';

/**
 * First argument of constructors that only this package may call. TypeScript hides them from users; this key
 * keeps JavaScript callers from making a Tensor without storage.
 */
export const fromPackage = Symbol('fromPackage');

/** @throws TypeError that says what to call instead, unless `key` is `fromPackage`. */
export function requirePackage(key: unknown, className: string, instead: string): void {
  if (key !== fromPackage) throw illegalConstructor(className, instead);
}
