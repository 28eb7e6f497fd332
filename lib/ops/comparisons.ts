import { backend } from '../backend/index.js';
import type { Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { NoneTape } from '../core/tape.js';
import { createTensor, storageOf, type Tensor } from '../core/tensor.js';
import { readRight } from './arithmetic.js';
import { broadcastShape, withoutTape, withShape } from './broadcast.js';
import type { AnyTensor } from './operand.js';

export const less = comparison('less');
export const lessEqual = comparison('lessEqual');
export const greater = comparison('greater');
export const greaterEqual = comparison('greaterEqual');
export const equal = comparison('equal');
export const notEqual = comparison('notEqual');

type ComparisonName = 'less' | 'lessEqual' | 'greater' | 'greaterEqual' | 'equal' | 'notEqual';

/** A comparison, whose result has no tape. */
function comparison(name: ComparisonName) {
  const apply = (a: AnyTensor, b: AnyTensor): Tensor<Shape> => {
    const left = storageOf(a);
    const right = storageOf(b);
    const n = left.values.length;
    const result = Storage.take(n);
    backend[name](1, n, right.values.length, left.named('a'), right.named('b'), result.named('out'));
    return createTensor<Shape, NoneTape>(a.shape, result, undefined);
  };
  return (a: AnyTensor, other: number | AnyTensor): Tensor<Shape> => {
    const b = readRight('other', other);
    return withoutTape(a, (left) =>
      withoutTape(b, (right) =>
        right.shape.length === 0
          ? apply(left, right)
          : withShape(broadcastShape(left.shape, right.shape), [left, right], (both) => apply(...both)),
      ),
    );
  };
}
