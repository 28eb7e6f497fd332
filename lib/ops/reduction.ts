import { backend } from '../backend/index.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { requireBoolean, requireOptions, wrongType, wrongValue } from '../validation/errors.js';
import { readAxis } from './permute.js';
import { rowMajorStrides } from './strided-copy.js';

/** The axes that a reduction sums over, and the shape of its result. */
export interface Reduction {
  /** Of x. */
  readonly shape: Shape;
  /** For each axis of x, whether it is reduced. */
  readonly reduced: readonly boolean[];
  /** Of the result. */
  readonly resultShape: Shape;
  /** The number of values of the result, and of x for each of them. */
  readonly results: number;
  readonly count: number;
}

/** Reads the options `axes` and `keepDims`. @throws TypeError or RangeError for wrong axes. */
export function readReduction(shape: Shape, options: unknown): Reduction {
  const { axes, keepDims = false } = requireOptions('options', options, ['axes', 'keepDims']);
  return reductionOf(shape, readAxes(shape, axes), requireBoolean('keepDims', keepDims));
}

/** Reduces each axis for which `reduced` is true. */
export function reductionOf(shape: Shape, reduced: readonly boolean[], keepDims: boolean): Reduction {
  const kept = shape.filter((_, axis) => !reduced[axis]);
  const withOnes = shape.map((size, axis) => (reduced[axis] ? 1 : size));
  return {
    shape,
    reduced,
    resultShape: Object.freeze(keepDims ? withOnes : kept),
    results: elementCount(kept),
    count: elementCount(shape.filter((_, axis) => reduced[axis])),
  };
}

function readAxes(shape: Shape, axes: unknown): readonly boolean[] {
  if (axes === undefined) return shape.map(() => true);
  const reduced = shape.map(() => false);
  if (!Array.isArray(axes)) {
    if (typeof axes !== 'number') throw wrongType('axes', 'an axis or an array of axes', axes);
    reduced[readAxis('axes', axes, shape)] = true;
    return reduced;
  }
  Array.from(axes, (given: unknown, i) => {
    const axis = readAxis(`axes[${i}]`, given, shape);
    if (reduced[axis]) {
      throw wrongValue('axes', 'each axis once', `axis ${axis} again at ${i} (shape ${formatShape(shape)})`);
    }
    reduced[axis] = true;
  });
  return reduced;
}

/** An array seen as [outer, length, inner] and reduced along the middle axis. */
export interface AxisStep {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/**
 * The steps that reduce an array without zero sizes: one for each run of adjacent reduced axes, the last run first, so
 * that nothing is copied into another order. Axes of size 1 separate nothing.
 */
export function stepsOf({ shape, reduced }: Reduction): readonly AxisStep[] {
  const steps: AxisStep[] = [];
  let outer = elementCount(shape);
  let length = 1;
  let inner = 1;
  const flush = (): void => {
    if (length > 1) steps.push({ outer, length, inner });
    length = 1;
  };
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis];
    if (size === 1) continue;
    if (reduced[axis]) {
      length *= size;
    } else {
      flush();
      inner *= size;
    }
    outer /= size;
  }
  flush();
  return steps;
}

/** A result that nothing was reduced to. It does not share memory with the input, so that writing to one changes only it. */
export function copyOf(input: Storage): Storage {
  const copy = Storage.take(input.values.length);
  backend.copy(input.values.length, input.named('x'), copy.named('y'));
  return copy;
}

/** The strides with which the result is read as if it had the shape of x: 0 along reduced axes. */
export function broadcastStrides({ shape, reduced }: Reduction): readonly number[] {
  const strides = rowMajorStrides(shape.map((size, axis) => (reduced[axis] ? 1 : size)));
  return strides.map((stride, axis) => (reduced[axis] ? 0 : stride));
}
