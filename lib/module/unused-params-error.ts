import type { ErrorCode } from '../validation/errors.js';

/** Thrown by an optimizer when parameters have no gradient; nothing was updated. */
export class UnusedParamsError extends Error {
  /** `'UnusedParamsError'` */
  override readonly name = 'UnusedParamsError';
  /** `'ERR_BATCHNORM_UNUSED_PARAMS'` */
  readonly code = 'ERR_BATCHNORM_UNUSED_PARAMS' satisfies ErrorCode;

  /**
   * Lists the parameters in the message.
   *
   * @param names Names of the parameters, as in `module.parameters()`.
   */
  constructor(readonly names: readonly string[]) {
    super(
      `Expected a gradient for every parameter but received none for ${names.join(', ')}. Does the loss depend on them?`,
    );
  }
}
