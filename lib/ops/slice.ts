import { graphsOf, recorded } from '../core/record.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireOptions, requirePositiveInteger, wrongType, wrongValue } from '../validation/errors.js';
import { readAxis } from './permute.js';
import { rowMajorStrides, type StridedView, stridedCopy } from './strided-copy.js';

/** Which indices of an axis `slice` takes. */
export interface SliceOptions {
  /** The axis; a negative one counts from the end. */
  readonly axis: number;
  /** First index, as of `Array.prototype.slice`: a negative one counts from the end. Default 0. */
  readonly start?: number;
  /** Index before which the slice ends, likewise. Default: the size of the axis. */
  readonly end?: number;
  /** Distance between two indices; positive. Default 1. */
  readonly step?: number;
}

/** A copy of every `step`-th index of an axis from `start` to before `end`. */
export function slice<T extends Tape>(x: Tensor<Shape, T>, options: SliceOptions): Tensor<Shape, T> {
  const given = requireOptions('options', options, ['axis', 'start', 'end', 'step']);
  const axis = readAxis('axis', given.axis, x.shape);
  const size = x.shape[axis];
  const start = readIndex('start', given.start, 0, size);
  const end = readIndex('end', given.end, size, size);
  const step = given.step === undefined ? 1 : requirePositiveInteger('step', given.step);
  const count = Math.max(0, Math.ceil((end - start) / step));

  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const { length } = input.values;
  const shape = Object.freeze(x.shape.map((each, i) => (i === axis ? count : each)));
  const strides = rowMajorStrides(x.shape);
  const offset = count === 0 ? 0 : start * strides[axis];
  const ofInput = (values: Storage): StridedView => ({
    values,
    offset,
    strides: strides.map((stride, i) => (i === axis ? stride * step : stride)),
  });
  const outputStrides = rowMajorStrides(shape);
  const result = Storage.take(shape.reduce((product, each) => product * each, 1));
  stridedCopy(shape, ofInput(input), { values: result, strides: outputStrides });
  return recorded(graphs, inputs, shape, result, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(length);
      dx.values.fill(0);
      stridedCopy(shape, { values: dy, strides: outputStrides }, ofInput(dx));
      accumulate(0, dx);
    },
  }));
}

/** An index between 0 and the size; a negative one counts from the end. */
function readIndex(argument: string, value: unknown, byDefault: number, size: number): number {
  if (value === undefined) return byDefault;
  if (typeof value !== 'number') throw wrongType(argument, 'an integer', value);
  if (!Number.isInteger(value)) throw wrongValue(argument, 'an integer', String(value));
  return Math.min(Math.max(value < 0 ? value + size : value, 0), size);
}
