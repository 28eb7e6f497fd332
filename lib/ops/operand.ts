import { wrongShape, wrongType } from '../validation/errors.js';
import { formatShape, sameShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { isTensor, type Tensor } from '../core/tensor.js';

/** A tensor of any shape and tape, as operations accept it before they check it. */
export type AnyTensor = Tensor<Shape, Tape>;

export function requireTensor(argument: string, value: unknown): AnyTensor {
  if (!isTensor(value)) throw wrongType(argument, 'a Tensor', value);
  return value;
}

/** @throws RangeError unless the tensor has the shape. */
export function requireShape(argument: string, tensor: AnyTensor, shape: Shape): void {
  if (sameShape(tensor.shape, shape)) return;
  throw wrongShape(argument, `shape ${formatShape(shape)}`, `shape ${formatShape(tensor.shape)}`);
}
