import { sameShape } from '../../core/shape.js';
import { backend as native } from '../../backend/index.js';
import { named } from '../../backend/argument.js';
import { storagePool } from '../../core/storage-pool.js';
import { isFloats, type Kernel, type Kernels } from '../kernel.js';

// Results are bool tensors, which TensorFlow.js keeps as bytes.

type NativeArithmetic = typeof native.less;

function compare(operation: NativeArithmetic): Kernel {
  return ({ backend, inputs: { a, b } }) => {
    if (!isFloats(a) || !isFloats(b)) return undefined;
    const right = backend.dataOf(b).floats();
    if (!sameShape(a.shape, b.shape) && !(right.length === 1 && b.shape.length <= a.shape.length))
      return undefined;
    const left = backend.dataOf(a).floats();
    const n = left.length;
    const result = storagePool.take(n);
    operation(1, n, right.length, named('a', left), named('b', right), named('out', result));
    const values = new Uint8Array(result);
    storagePool.give(result);
    return { dataId: backend.write(values, a.shape, 'bool'), shape: [...a.shape], dtype: 'bool' };
  };
}

const select: Kernel = ({ backend, inputs: { condition, t, e } }) => {
  if (!isFloats(t) || !isFloats(e) || condition?.dtype !== 'bool') return undefined;
  if (!sameShape(t.shape, e.shape) || !sameShape(condition.shape, t.shape)) return undefined;
  const chosen = new Float32Array(backend.dataOf(condition).numbers());
  const out = storagePool.take(chosen.length);
  native.where(
    chosen.length,
    named('condition', chosen),
    named('a', backend.dataOf(t).floats()),
    named('b', backend.dataOf(e).floats()),
    named('out', out),
  );
  return backend.output(t.shape, out);
};

export const comparisonKernels: Kernels = {
  Less: compare(native.less),
  LessEqual: compare(native.lessEqual),
  Greater: compare(native.greater),
  GreaterEqual: compare(native.greaterEqual),
  Equal: compare(native.equal),
  NotEqual: compare(native.notEqual),
  Select: select,
};
