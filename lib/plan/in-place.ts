import type { OperationName } from '../backend/intercept.js';
import { shared, signatures } from '../backend/signatures.js';

/** Inputs whose memory the result may share, by the signature of an operation. */
const bySignature = new Map<readonly string[], readonly string[]>([
  [shared.unary, ['x']],
  [shared.arithmetic, ['a', 'b']],
  [shared.rowwise, ['x']],
  [signatures.where, ['condition', 'a', 'b']],
  [signatures.leakyRelu, ['x']],
  [signatures.batchNormInference, ['x', 'residual']],
  [signatures.groupNorm, ['x']],
]);

const none: readonly string[] = [];

/**
 * The names of the inputs in whose memory an operation may write its first result. The comments in
 * lib/backend/signatures.js say so for each operation.
 */
export function reusableInputs(operation: OperationName): readonly string[] {
  // `copy` has the signature of a unary function, but its arrays must not be the same.
  return operation === 'copy' ? none : (bySignature.get(signatures[operation]) ?? none);
}
