import { beginStackAbove, type CodedError, plainError } from '../validation/errors.js';
import { isNativeError } from '../validation/realm.js';

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

/** Whether an error was made by `captureError`. */
export function isCaptureError(error: unknown): error is CodedError {
  return isNativeError(error) && (error as Partial<CodedError>).code === 'ERR_BATCHNORM_CAPTURE';
}

/** Names the model in an error that names no layer. */
export function nameModel(error: CodedError, root: string): CodedError {
  if (!/, in [^,]+ \(\w+\)$/.test(error.message)) error.message += `, in ${root}`;
  return error;
}
