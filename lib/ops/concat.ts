import { graphsOf, recorded } from '../core/record.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import type { Tape } from '../core/tape.js';
import { requireOptions, wrongShape, wrongType } from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import type { ConcatShape, StackShape, TapeOfAll } from './axis-types.js';
import { type AnyTensor, requireTensor } from './operand.js';
import { readAxis } from './permute.js';
import { rowMajorStrides, stridedCopy } from './strided-copy.js';

/** Settings of `concat` and `stack`. */
export interface AxisOptions<Axis extends number = number> {
  /** The axis of the result along which the tensors follow one another; a negative one counts from the end. Default 0. */
  readonly axis?: Axis;
}

/**
 * Joins tensors along an axis that they have, such as batches along the first.
 *
 * @param tensors At least one; of the same shape except for the axis. The result has a tape if one of them has.
 * @throws TypeError if one is not a tensor, RangeError for a wrong axis, no tensors, or shapes that do not fit.
 */
export function concat<const X extends readonly Tensor<Shape, Tape>[], const A extends number = 0>(
  tensors: X,
  options?: AxisOptions<A>,
): Tensor<ConcatShape<X, A>, TapeOfAll<X>> {
  if (arguments.length > 2) requireNoSurplus('concat', 2, arguments);
  const [first, ...others] = readTensors(tensors);
  const axis = readAxisOption(options, first.shape);
  others.forEach(({ shape }, i) => {
    if (
      shape.length === first.shape.length &&
      shape.every((size, k) => k === axis || size === first.shape[k])
    )
      return;
    const expected = `a tensor of shape ${formatShape(first.shape)} except for axis ${axis}`;
    throw wrongShape(`tensors[${i + 1}]`, expected, `shape ${formatShape(shape)}`);
  });
  return joined([first, ...others], axis, first.shape) as Tensor<ConcatShape<X, A>, TapeOfAll<X>>;
}

/**
 * Joins tensors along a new axis, such as samples to a batch.
 *
 * @param tensors At least one; all of the same shape. The result has a tape if one of them has.
 * @throws TypeError if one is not a tensor, RangeError for a wrong axis, no tensors, or different shapes.
 */
export function stack<const X extends readonly Tensor<Shape, Tape>[], const A extends number = 0>(
  tensors: X,
  options?: AxisOptions<A>,
): Tensor<StackShape<X, A>, TapeOfAll<X>> {
  if (arguments.length > 2) requireNoSurplus('stack', 2, arguments);
  const all = readTensors(tensors);
  const [{ shape }] = all;
  const axis = readAxisOption(options, [...shape, 1]);
  all.forEach((tensor, i) => {
    if (formatShape(tensor.shape) === formatShape(shape)) return;
    throw wrongShape(
      `tensors[${i}]`,
      `a tensor of shape ${formatShape(shape)}`,
      `shape ${formatShape(tensor.shape)}`,
    );
  });
  const part = [...shape.slice(0, axis), 1, ...shape.slice(axis)];
  return joined(all, axis, part) as Tensor<StackShape<X, A>, TapeOfAll<X>>;
}

function readTensors(tensors: unknown): readonly [AnyTensor, ...AnyTensor[]] {
  if (!Array.isArray(tensors)) throw wrongType('tensors', 'an array of tensors', tensors);
  const [first, ...others] = Array.from(tensors, (each, i) => requireTensor(`tensors[${i}]`, each));
  if (tensors.length === 0) throw wrongShape('tensors', 'at least one tensor', 'an empty array');
  return [first, ...others];
}

function readAxisOption(options: unknown, shape: Shape): number {
  const { axis = 0 } = requireOptions('options', options, ['axis']);
  return readAxis('axis', axis, shape);
}

/**
 * The tensors one after the other along an axis.
 * @param part The shape of one of them, in which the axis may have any size.
 */
function joined(tensors: readonly AnyTensor[], axis: number, part: Shape): AnyTensor {
  const graphs = graphsOf(tensors);
  const storages = tensors.map(storageOf);
  const lengths = storages.map(({ values }) => values.length);
  const outer = elementCount(part.slice(0, axis));
  const inner = elementCount(part.slice(axis + 1));
  // Each tensor is `outer` rows of neighboring values; a row of the result is one of each.
  const sizes = tensors.map(({ shape }) => (shape.length < part.length ? 1 : shape[axis]));
  const size = sizes.reduce((sum, each) => sum + each, 0);
  const shape = Object.freeze(part.map((each, i) => (i === axis ? size : each)));
  const result = Storage.take(elementCount(shape));
  const copy = (parts: readonly Storage[], whole: Storage, toWhole: boolean) => {
    let start = 0;
    parts.forEach(({ values }, i) => {
      const rows = [outer, sizes[i] * inner];
      const ofPart = { values, strides: rowMajorStrides(rows) };
      const ofWhole = { values: whole.values.subarray(start), strides: [size * inner, 1] };
      if (toWhole) stridedCopy(rows, ofPart, ofWhole);
      else stridedCopy(rows, ofWhole, ofPart);
      start += rows[1];
    });
  };
  copy(storages, result, true);
  return recorded(graphs, tensors, shape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const parts = lengths.map((length) => Storage.take(length));
      copy(parts, dy, false);
      parts.forEach((dx, i) => {
        accumulate(i, dx);
      });
    },
  }));
}
