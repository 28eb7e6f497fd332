import { wrongShape, wrongType } from '../validation/errors.js';
import { formatShape, sameShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { isTensor, type Tensor } from '../core/tensor.js';

/** A tensor of any shape and tape: what an operation takes before it has looked. */
export type AnyTensor = Tensor<Shape, Tape>;

export function requireTensor(argument: string, value: unknown): AnyTensor {
  if (!isTensor(value)) throw wrongType(argument, 'a Tensor', value);
  return value;
}

/** @throws RangeError where a tensor has another shape. */
export function requireShape(argument: string, tensor: AnyTensor, shape: Shape): void {
  if (sameShape(tensor.shape, shape)) return;
  throw wrongShape(argument, `shape ${formatShape(shape)}`, `shape ${formatShape(tensor.shape)}`);
}
