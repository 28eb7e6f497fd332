import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';

/** softmax(x) over the last axis; 1 for a scalar. */
export function softmax<S extends Shape, T extends Tape>(x: Tensor<S, T>): Tensor<S, T> {
  const { shape } = x;
  const columns = shape.length === 0 ? 1 : shape[shape.length - 1];
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  const rows = columns === 0 ? 0 : n / columns;
  const output = Storage.take(n);
  backend.softmax(rows, columns, input.named('x'), output.named('y'));
  return recorded(graphs, inputs, shape, output, () => ({
    saved: [output],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      backend.softmaxBackward(rows, columns, output.named('y'), dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
}
