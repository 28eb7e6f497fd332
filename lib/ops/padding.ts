import { type Pair, requireIntegers } from '../core/pair.js';
import { wrongType, wrongValue } from '../validation/errors.js';

/**
 * Zeros around an image: a number for all sides, [rows, columns] for top and bottom and for left and right,
 * [top, left, bottom, right], or `'same'`, which makes the result of a stride of 1 as large as the image.
 */
export type Padding2D = Pair | readonly [top: number, left: number, bottom: number, right: number] | 'same';

/**
 * Zeros around a signal: a number for both sides, [left, right], or `'same'`, which makes the result of a stride of 1 as long as
 * the signal.
 */
export type Padding1D = number | readonly [left: number, right: number] | 'same';

/** The padding above, if it is not `'same'`. */
export type Top<P> = P extends number
  ? P
  : P extends readonly [infer T extends number, ...unknown[]]
    ? T
    : number;

/** The padding to the left, if it is not `'same'`. */
export type Left<P> = P extends number
  ? P
  : P extends readonly [unknown, infer L extends number, ...unknown[]]
    ? L
    : number;

/** The padding below, if it is not `'same'`. */
export type Bottom<P> = P extends readonly [unknown, unknown, infer B extends number, unknown] ? B : Top<P>;

/** The padding to the right, if it is not `'same'`. */
export type Right<P> = P extends readonly [unknown, unknown, unknown, infer R extends number] ? R : Left<P>;

/**
 * Checks the padding of images.
 * @returns The padding; arrays are copied and frozen.
 * @throws TypeError or RangeError naming the argument, also for `'same'` with a stride other than 1.
 */
export function requirePadding2D(argument: string, value: unknown, stride: Pair): Padding2D {
  const expected = "a non-negative integer, [rows, columns], [top, left, bottom, right] or 'same'";
  if (value === 'same') {
    requireUnitStride(typeof stride === 'number' ? stride : Math.max(...stride));
    return value;
  }
  if (typeof value === 'string') throw wrongType(argument, expected, value);
  return requireIntegers(argument, value, 0, [2, 4], expected) as Padding2D;
}

/** The padding of a transposed convolution of images. */
export type Sides2D = Exclude<Padding2D, 'same'>;

/** The padding of a transposed convolution of signals. */
export type Sides1D = Exclude<Padding1D, 'same'>;

/** Checks the padding of a transposed convolution of images, likewise. */
export function requireSides2D(argument: string, value: unknown): Sides2D {
  const expected = 'a non-negative integer, [rows, columns] or [top, left, bottom, right]';
  return requireIntegers(argument, value, 0, [2, 4], expected) as Sides2D;
}

/** Checks the padding of a transposed convolution of signals, likewise. */
export function requireSides1D(argument: string, value: unknown): Sides1D {
  return requireIntegers(argument, value, 0, [2], 'a non-negative integer or [left, right]') as Sides1D;
}

/**
 * Checks the padding of signals.
 * @returns The padding; an array is copied and frozen.
 * @throws TypeError or RangeError naming the argument, also for `'same'` with a stride other than 1.
 */
export function requirePadding1D(argument: string, value: unknown, stride: number): Padding1D {
  const expected = "a non-negative integer, [left, right] or 'same'";
  if (value === 'same') {
    requireUnitStride(stride);
    return value;
  }
  if (typeof value === 'string') throw wrongType(argument, expected, value);
  return requireIntegers(argument, value, 0, [2], expected) as Padding1D;
}

/** @throws RangeError for another stride than 1. */
function requireUnitStride(stride: number): void {
  if (stride !== 1) throw wrongValue('stride', "1 with padding: 'same'", String(stride));
}

/** @throws TypeError or RangeError unless the value is a non-negative integer. */
export function requireNonNegativeInteger(argument: string, value: unknown): number {
  const expected = 'a non-negative integer';
  if (typeof value !== 'number') throw wrongType(argument, expected, value);
  if (!Number.isSafeInteger(value) || value < 0) throw wrongValue(argument, expected, String(value));
  return value;
}

/** Zeros before and after an axis. */
export interface AxisPadding {
  readonly before: number;
  readonly after: number;
}

/** The padding of the rows and of the columns of an image. */
export function padding2DOf(
  padding: Padding2D,
  extents: readonly [rows: number, columns: number],
): readonly [rows: AxisPadding, columns: AxisPadding] {
  if (padding === 'same') return [samePadding(extents[0]), samePadding(extents[1])];
  if (typeof padding === 'number') {
    const both = { before: padding, after: padding };
    return [both, both];
  }
  const [top, left, bottom = top, right = left] = padding;
  return [
    { before: top, after: bottom },
    { before: left, after: right },
  ];
}

/** The padding of a signal. */
export function padding1DOf(padding: Padding1D, extent: number): AxisPadding {
  if (padding === 'same') return samePadding(extent);
  if (typeof padding === 'number') return { before: padding, after: padding };
  return { before: padding[0], after: padding[1] };
}

/** The padding for a kernel of this extent; if its sum is odd, there is more after the axis, as in PyTorch. */
export function samePadding(extent: number): AxisPadding {
  const before = Math.floor((extent - 1) / 2);
  return { before, after: extent - 1 - before };
}
