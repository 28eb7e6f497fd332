import { recorded, graphsOf } from '../core/record.js';
import { wrongShape } from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { readShape } from '../core/values.js';

/** A tensor of another shape that shares the storage. */
export function reshape<R extends Shape, T extends Tape>(x: Tensor<Shape, T>, shape: R): Tensor<R, T> {
  const ownShape = readShape('shape', shape);
  const storage = storageOf(x);
  if (elementCount(ownShape) !== storage.values.length) {
    throw wrongShape(
      'shape',
      `${storage.values.length} values (shape ${formatShape(x.shape)})`,
      formatShape(ownShape),
    );
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
