import { typeError } from './errors.js';

/**
 * Calls a method of a user's object that must be synchronous, because the caller would not wait for a
 * promise. If it returns one, its rejection is handled and the error thrown here takes its place.
 *
 * @param method Name of the method in the message, such as `write() of module`.
 * @throws TypeError if the method returns a promise or another object with `then()`.
 */
export function callSync<R>(method: string, call: () => R): R {
  const result = call();
  if (typeof result !== 'object' || result === null) return result;
  if (typeof (result as Partial<PromiseLike<unknown>>).then !== 'function') return result;
  Promise.resolve(result).catch(() => undefined);
  throw typeError(
    'ERR_BATCHNORM_TYPE',
    `Expected ${method} to be synchronous but it returned a promise, which nothing would wait for`,
  );
}
