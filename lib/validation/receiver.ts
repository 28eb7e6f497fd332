import { types } from 'node:util';
import { type CodedError, wrongType } from './errors.js';
import { isNativeError } from './realm.js';

/**
 * The error for a method that was called on something else than an instance of its class, such as a method taken out of
 * its object or one of a proxy: the language's own error names private fields. Any other error stays as it is.
 *
 * @param name The method as messages call it, such as `Tensor.exp`.
 */
export function receiverError(name: string, receiver: unknown, error: unknown): unknown {
  if (!isNativeError(error) || error.name !== 'TypeError' || Object.hasOwn(error, 'code')) return error;
  if (isInstance(receiver)) return error;
  const [className] = name.split('.');
  const described: CodedError<TypeError> = wrongType(
    `this of ${name}()`,
    `an instance of ${className}`,
    receiver,
  );
  return Object.defineProperty(described, 'cause', { value: error, configurable: true, writable: true });
}

/** Whether an object was made by the constructor of its class; not a proxy, nor an object that inherits from one. */
export function isInstance(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || types.isProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== 'object' || prototype === null || Object.getPrototypeOf(prototype) === null)
    return false;
  return Object.hasOwn(prototype, 'constructor');
}
