import { type CodedError, plainError } from '../validation/errors.js';

/** The error for a model that does something which cannot be captured. */
export function captureError(what: string): CodedError {
  return plainError(
    'ERR_BATCHNORM_CAPTURE',
    `Expected a model whose forward() only calls operations on tensors, but ${what}`,
  );
}
