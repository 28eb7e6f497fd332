import { formatShape } from '../core/shape.js';
import { isTaped, isTensor } from '../core/tensor.js';
import { type CodedError, typeError, wrongType } from '../validation/errors.js';

/** A TypeError for a user's function or module that returned something else than a tensor with the expected shape and tape. */
export function wrongResult(argument: string, expected: string, result: unknown): CodedError<TypeError> {
  if (!isTensor(result)) return wrongType(argument, expected, result);
  const tape = isTaped(result) ? 'with' : 'without';
  return typeError(
    'ERR_BATCHNORM_TYPE',
    `Expected ${expected} for ${argument} but it returned a Tensor of shape ${formatShape(result.shape)} ${tape} a tape`,
  );
}
