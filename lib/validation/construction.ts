import { illegalConstructor } from './errors.js';

/** The first argument of constructors that are for the package alone. TypeScript hides them from users; this
 * keeps JavaScript callers from making a Tensor without storage. */
export const fromPackage = Symbol('fromPackage');

/** @throws TypeError that says what to call instead. */
export function requirePackage(key: unknown, className: string, instead: string): void {
  if (key !== fromPackage) throw illegalConstructor(className, instead);
}
