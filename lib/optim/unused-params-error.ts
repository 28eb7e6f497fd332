import type { ErrorCode } from '../validation/errors.js';

/** An optimizer found no gradient for some parameters; nothing was updated. */
export class UnusedParamsError extends Error {
  /** `'UnusedParamsError'` */
  override readonly name = 'UnusedParamsError';
  /** `'ERR_BATCHNORM_UNUSED_PARAMS'` */
  readonly code = 'ERR_BATCHNORM_UNUSED_PARAMS' satisfies ErrorCode;

  /**
   * Words the message.
   * @param names Names of the parameters, as `module.parameters()` gives them.
   */
  constructor(readonly names: readonly string[]) {
    super(
      `Expected a gradient for every parameter but received none for ${names.join(', ')}. Does the loss depend on them?`,
    );
  }
}
