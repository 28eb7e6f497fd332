import { wrongType } from '../errors.js';
import type { Shape } from '../tensor/shape.js';
import type { Tape } from '../tensor/tape.js';
import { isTensor, type Tensor } from '../tensor/tensor.js';

/** A tensor of any shape and tape: what an operation takes before it has looked. */
export type AnyTensor = Tensor<Shape, Tape>;

export function requireTensor(argument: string, value: unknown): AnyTensor {
  if (!isTensor(value)) throw wrongType(argument, 'a Tensor', value);
  return value;
}
