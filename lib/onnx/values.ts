import type { Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { isTensor, storageOf, type Tensor } from '../core/tensor.js';

export type AnyTensor = Tensor<Shape, Tape>;

/** Integers and booleans of a graph: sizes, axes and conditions. Tensors hold floats only. */
export interface Integers {
  readonly shape: Shape;
  readonly numbers: readonly number[];
}

/** A value of a graph. */
export type Value = AnyTensor | Integers;

/** A shape in which a size may be unknown: its name, or `?`. */
export type Sizes = readonly (number | string)[];

export function isIntegers(value: Value): value is Integers {
  return !isTensor(value);
}

/** The numbers of integers, or of a tensor that holds some. */
export function numbersOf(value: Value): readonly number[] {
  return isIntegers(value) ? value.numbers : Array.from(storageOf(value).values);
}

/** Whether all sizes are known. */
export function isKnown(sizes: Sizes | undefined): sizes is Shape {
  return sizes?.every((size) => typeof size === 'number') === true;
}

export function formatSizes(sizes: Sizes | undefined): string {
  return sizes === undefined ? 'unknown' : `[${sizes.join(', ')}]`;
}
