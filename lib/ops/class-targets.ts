import { freshArray } from '../backend/allocation.js';
import { type ClassArray, classArrayLength, readClass, readNumbers } from '../core/number-arrays.js';
import {
  type HasUnknownRank,
  type SameShape,
  type Shape,
  type Unless,
  elementCount,
  formatShape,
  sameShape,
} from '../core/shape.js';
import { isTaped, isTensor, type ShapeOf, storageOf, type Tensor } from '../core/tensor.js';
import type { NumberArray } from '../validation/typed-array.js';
import {
  describe,
  requireAttached,
  requireNonNegative,
  typeError,
  wrongShape,
  wrongType,
  wrongValue,
} from '../validation/errors.js';
import type { AnyTensor } from './operand.js';

// Logits [N, C] or [N, C, ...] and the class of each sample or pixel, for losses and metrics.

/** Class indices: a flat array in row-major order, or a tensor in the shape of the logits without the axis of classes. */
export type ClassTargets = ClassArray | Tensor<Shape>;

/** One weight for each class. */
export type ClassWeights = NumberArray | readonly number[] | Tensor<readonly [number]>;

/** The shape of one value per target, where the logits have shape S. */
export type TargetShape<S extends Shape> =
  HasUnknownRank<S> extends true
    ? Shape
    : S extends readonly [infer N extends number, number, ...infer Rest extends Shape]
      ? readonly [N, ...Rest]
      : Shape;

/** The problem with the shape of logits, or `never`. */
export type LogitsProblem<S extends Shape> =
  HasUnknownRank<S> extends true
    ? never
    : S extends readonly [number, number, ...Shape]
      ? never
      : 'Expected logits [N, classes, ...]';

/** The type that class targets are intersected with: `unknown` if they may fit logits of shape S. */
export type ClassTargetsOf<S extends Shape, Y> = Unless<
  Y,
  Y extends Tensor<Shape>
    ? SameShape<TargetShape<S>, ShapeOf<Y>> extends true
      ? never
      : 'Expected class indices of the shape of the logits without the axis of classes'
    : never
>;

/** Logits as images x classes x pixels; a row is the classes of one pixel. */
export interface ClassLayout {
  readonly shape: Shape;
  readonly images: number;
  readonly classes: number;
  readonly pixels: number;
  readonly rows: number;
  /** The shape of one value per row. */
  readonly targetShape: Shape;
}

/** @throws RangeError unless there are two axes, a row and a class. */
export function readClassLayout(shape: Shape): ClassLayout {
  const [images, classes, ...rest] = shape;
  const pixels = elementCount(rest);
  if (shape.length < 2 || images === 0 || classes === 0 || pixels === 0) {
    throw wrongShape(
      'logits',
      'a tensor [N, classes] or [N, classes, ...] with at least one row and one class',
      `shape ${formatShape(shape)}`,
    );
  }
  const targetShape = Object.freeze([images, ...rest]);
  return { shape, images, classes, pixels, rows: images * pixels, targetShape };
}

/** Class indices with -1 for those that are ignored. @throws TypeError or RangeError naming the argument. */
export function readClassIndices(
  targets: unknown,
  { classes, rows, targetShape }: ClassLayout,
  ignored: number | undefined,
): Int32Array {
  const values = isTensor(targets) ? tensorValues(targets, targetShape) : arrayValues(targets, rows);
  const indices = freshArray(Int32Array, 'class indices', rows);
  for (let row = 0; row < rows; row++) {
    const value: unknown = values[row];
    if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < classes) {
      indices[row] = value === ignored ? -1 : (value as number);
    } else if (ignored !== undefined && isNumeric(value) && Number(value) === ignored) {
      indices[row] = -1;
    } else {
      // A bigint, or an error.
      indices[row] = readClass(`targets[${row}]`, value, classes);
    }
  }
  return indices;
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function arrayValues(targets: unknown, rows: number): ClassArray {
  const length = classArrayLength(targets);
  if (length === undefined) throw wrongType('targets', 'a Tensor or an array of class indices', targets);
  requireAttached('targets', targets);
  if (length !== rows) throw wrongShape('targets', `${rows} class indices`, describe(targets));
  return targets as ClassArray;
}

function tensorValues(targets: AnyTensor, shape: Shape): Float32Array {
  requireUntaped('targets', targets);
  if (!sameShape(targets.shape, shape)) {
    throw wrongShape(
      'targets',
      `class indices of shape ${formatShape(shape)}`,
      `shape ${formatShape(targets.shape)}`,
    );
  }
  return storageOf(targets).values;
}

/** @throws TypeError for a tensor with a tape. */
export function requireUntaped(argument: string, tensor: AnyTensor): void {
  if (!isTaped(tensor)) return;
  throw typeError('ERR_BATCHNORM_TAPE', `Expected a tensor without a tape for ${argument}, but it has one`);
}

/** The index of ignored targets, which may lie outside of the classes. */
export function readIgnoreIndex(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') throw wrongType('ignoreIndex', 'an integer', value);
  if (!Number.isInteger(value)) throw wrongValue('ignoreIndex', 'an integer', String(value));
  return value;
}

/** A weight for each of `classes` classes; undefined if there are none. */
export function readClassWeights(value: unknown, classes: number): Float64Array | undefined {
  if (value === undefined) return undefined;
  return readWeights('classWeights', value, classes);
}

function readWeights(argument: string, value: unknown, length: number): Float64Array {
  const expected = `${length} weights, one for each class of the logits`;
  if (isTensor(value)) {
    requireUntaped(argument, value);
    if (!sameShape(value.shape, [length])) {
      throw wrongShape(argument, expected, `shape ${formatShape(value.shape)}`);
    }
  }
  const numbers = isTensor(value) ? storageOf(value).values : readNumbers(argument, value);
  if (numbers.length !== length) throw wrongShape(argument, expected, describe(value));
  // Rounded to float32, so that a tensor with the same weights gives the same bits.
  return Float64Array.from(numbers, (each, i) => requireNonNegative(`${argument}[${i}]`, Math.fround(each)));
}
