import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import { wrongShape } from '../validation/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';

/** log(softmax(x)) over the last axis of a vector or a matrix. */
export function logSoftmax<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
  const { shape } = x;
  if (shape.length !== 1 && shape.length !== 2) {
    throw wrongShape('logSoftmax', 'a 1D or 2D tensor', `shape ${formatShape(shape)}`);
  }
  const columns = shape[shape.length - 1];
  const rows = shape.length === 1 ? 1 : shape[0];
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const output = Storage.take(input.values.length);
  backend.logSoftmax(rows, columns, input.named('x'), output.named('y'));
  return recorded(graphs, inputs, shape, output, () => ({
    saved: [output],
    backward: (dy, accumulate) => {
      const dx = Storage.take(dy.values.length);
      backend.logSoftmaxBackward(rows, columns, output.named('y'), dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
}
