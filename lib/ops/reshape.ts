import { recorded, graphsOf } from '../core/record.js';
import { wrongShape, wrongValue } from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { readShape } from '../core/values.js';

/** A tensor of another shape that shares the storage. One size may be -1: the one that makes the number of values fit. */
export function reshape<T extends Tape>(x: Tensor<Shape, T>, shape: Shape): Tensor<Shape, T> {
  const storage = storageOf(x);
  const { length } = storage.values;
  const ownShape = readSizes(shape, length);
  if (ownShape === undefined || elementCount(ownShape) !== length) {
    throw wrongShape('shape', `${length} values (shape ${formatShape(x.shape)})`, formatShape(shape));
  }
  const inputs = [x];
  const graphs = graphsOf(inputs);
  return recorded(graphs, inputs, ownShape, storage.retain(), () => ({
    saved: [],
    backward: (dy, accumulate) => {
      accumulate(0, dy.retain());
    },
  }));
}

/** The sizes with -1 replaced; undefined if any size would fit. @throws TypeError or RangeError for an invalid shape. */
function readSizes(shape: Shape, length: number): Shape | undefined {
  if (!Array.isArray(shape) || !shape.includes(-1)) return readShape('shape', shape);
  const open = shape.indexOf(-1);
  if (shape.lastIndexOf(-1) !== open) throw wrongValue('shape', 'at most one size of -1', formatShape(shape));
  const sizes = Array.from(shape as Shape, (size, axis) => (axis === open ? 1 : size));
  const others = elementCount(readShape('shape', sizes));
  // Without other values, any size would fit.
  if (others === 0) return undefined;
  sizes[open] = Math.floor(length / others);
  return readShape('shape', sizes);
}
