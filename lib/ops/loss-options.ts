import type { Shape } from '../core/shape.js';
import { wrongType, wrongValue } from '../validation/errors.js';
import { quote } from '../validation/quote.js';

/** The result of a loss function: the mean of the losses, their sum, or each loss. */
export type LossReduction = 'mean' | 'sum' | 'none';

/** Settings that the loss functions have in common. */
export interface LossOptions<R extends LossReduction = LossReduction> {
  /** `'mean'` (default) and `'sum'` return a scalar, `'none'` a tensor with every loss. */
  readonly reduction?: R;
}

/** The shape of a loss function's result, where the losses have the shape S. */
export type ReducedLoss<S extends Shape, R extends LossReduction> = [R] extends ['none']
  ? S
  : 'none' extends R
    ? Shape
    : readonly [];

/** @throws TypeError or RangeError for anything but the name of a reduction. */
export function readReduction(value: unknown): LossReduction {
  if (value === undefined) return 'mean';
  const expected = "'mean', 'sum' or 'none'";
  if (typeof value !== 'string') throw wrongType('reduction', expected, value);
  if (value !== 'mean' && value !== 'sum' && value !== 'none') {
    throw wrongValue('reduction', expected, quote(value, 40));
  }
  return value;
}
