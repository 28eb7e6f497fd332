import { typeError } from '../validation/errors.js';

/**
 * Makes `JSON.stringify` throw for objects of a class whose content it would silently omit. Not a method of
 * the class, so that the declarations do not offer it.
 * @param remedy How to preserve the content.
 */
export function refuseJson(prototype: object, content: string, remedy: string): void {
  Object.defineProperty(prototype, 'toJSON', {
    value() {
      const message = `JSON.stringify() cannot represent ${content}. ${remedy}`;
      throw typeError('ERR_BATCHNORM_NOT_SERIALIZABLE', message);
    },
    configurable: true,
    writable: true,
  });
}
