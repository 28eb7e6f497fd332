import { typeError } from '../validation/errors.js';
import { requireTensor } from '../ops/operand.js';
import type { Shape } from '../core/shape.js';
import type { OwnedTape } from '../core/tape.js';
import { isTaped, type Tensor } from '../core/tensor.js';

// Checks of the mode for plain JavaScript callers; TypeScript refuses the wrong kind of tensor.

/**
 * Requires an input of inference.
 * @throws TypeError for a tensor with a tape.
 */
export function requireUntaped(argument: string, value: unknown): Tensor<Shape> {
  const tensor = requireTensor(argument, value);
  if (isTaped(tensor)) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      'Expected a tensor without a tape for forward. Use forwardMut to train, or detach() to infer',
    );
  }
  return tensor as Tensor<Shape>;
}

/**
 * Requires an input of training.
 * @throws TypeError for a tensor without a tape.
 */
export function requireTaped(argument: string, value: unknown): Tensor<Shape, OwnedTape> {
  const tensor = requireTensor(argument, value);
  if (!isTaped(tensor)) {
    throw typeError(
      'ERR_BATCHNORM_TAPE',
      'Expected a tensor with a tape for forwardMut. Use x.trace() to train, or forward to infer',
    );
  }
  return tensor as Tensor<Shape, OwnedTape>;
}
