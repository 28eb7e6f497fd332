import { graphsOf, recorded } from '../core/record.js';
import { observer } from '../core/observer.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { requireFinite } from '../validation/errors.js';
import { scriptOperations } from './script-operations.js';

/** x^exponent in double precision. */
export function pow<T extends Tape>(x: Tensor<Shape, T>, exponent: number): Tensor<Shape, T> {
  requireFinite('exponent', exponent);
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const input = storageOf(x);
  const n = input.values.length;
  const result = Storage.take(n);
  const { values } = input;
  if (observer?.computes('pow', [n, exponent, values, result.values]) !== true) {
    scriptOperations.pow(n, exponent, values, result.values);
  }
  return recorded(graphs, inputs, x.shape, result, () => ({
    saved: [input],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      const [at, upstream, target] = [input.values, dy.values, dx.values];
      for (let i = 0; i < n; i++) {
        // 0 even where x is 0, whose power -1 is infinite.
        target[i] = exponent === 0 ? 0 : upstream[i] * exponent * at[i] ** (exponent - 1);
      }
      accumulate(0, dx);
    },
  }));
}
