import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import { wrongShape } from '../validation/errors.js';
import { formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf, type Tensor } from '../core/tensor.js';
import { type AnyTensor, requireTensor } from './operand.js';

/**
 * The product of a [M, K] and b [K, N]; with `transposeB`, b is stored as [N, K], as the weights of a linear
 * layer are.
 */
export function matmul<S extends Shape, T extends Tape>(
  a: AnyTensor,
  b: AnyTensor,
  transposeB = false,
): Tensor<S, T> {
  requireTensor('other', b);
  const [rows, depth] = matrixSizes('the left operand of matmul', a);
  const [bOuter, bInner] = matrixSizes('the right operand of matmul', b);
  const [bDepth, columns] = transposeB ? [bInner, bOuter] : [bOuter, bInner];
  if (depth !== bDepth) {
    throw wrongShape(
      'the right operand of matmul',
      `${depth} ${transposeB ? 'columns' : 'rows'} next to shape ${formatShape(a.shape)}`,
      `shape ${formatShape(b.shape)}`,
    );
  }
  const inputs = [a, b];
  const graphs = graphsOf(inputs);
  const left = storageOf(a);
  const right = storageOf(b);
  const result = Storage.take(rows * columns);
  backend.matmul(
    rows,
    depth,
    columns,
    false,
    transposeB,
    left.named('a'),
    right.named('b'),
    result.named('c'),
  );
  return recorded(graphs, inputs, Object.freeze([rows, columns]) as unknown as S, result, () => ({
    saved: [left, right],
    backward: (dy, accumulate, needsGradient) => {
      // da = dy b^T
      if (needsGradient(0)) {
        const da = Storage.take(left.values.length);
        const sizes = [rows, columns, depth] as const;
        backend.matmul(...sizes, false, !transposeB, dy.named('a'), right.named('b'), da.named('c'));
        accumulate(0, da);
      }
      if (!needsGradient(1)) return;
      // db = a^T dy, or its transpose dy^T a
      const db = Storage.take(right.values.length);
      if (transposeB) {
        backend.matmul(columns, rows, depth, true, false, dy.named('a'), left.named('b'), db.named('c'));
      } else {
        backend.matmul(depth, rows, columns, true, false, left.named('a'), dy.named('b'), db.named('c'));
      }
      accumulate(1, db);
    },
  }));
}

function matrixSizes(argument: string, { shape }: AnyTensor): readonly [number, number] {
  if (shape.length !== 2) {
    throw wrongShape(argument, 'a 2D tensor', `shape ${formatShape(shape)}`);
  }
  return [shape[0], shape[1]];
}
