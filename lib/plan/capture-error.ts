import { beginStackAbove, type CodedError, plainError } from '../validation/errors.js';

/** The error for a model that does something which cannot be captured. */
export function captureError(what: string): CodedError {
  const error = plainError(
    'ERR_BATCHNORM_CAPTURE',
    `Expected a model whose forward() only calls operations on tensors, but ${what}`,
  );
  // The first line of the stack is the call that cannot be captured.
  beginStackAbove(error, captureError);
  return error;
}
