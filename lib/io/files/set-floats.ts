import { wrongShape } from '../../validation/errors.js';
import { formatShape, type Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import type { Change } from './stage.js';

/** Number of values that are exchanged at a time. */
const blockLength = 16 * 1024;

/**
 * A change that writes values into a tensor in place. Applying it leaves the tensor's old values in `values`,
 * so that undoing it allocates nothing.
 * @param fail Called if the number of values differs from the tensor's.
 */
export function setFloats(
  tensor: Tensor<Shape>,
  values: Float32Array,
  fail: (expected: string, found: string) => never,
): Change {
  const { length } = storageOf(tensor).values;
  if (values.length !== length) {
    fail(`${length} values (shape ${formatShape(tensor.shape)})`, String(values.length));
  }
  let written = false;
  const swap = () => {
    const storage = storageOf(tensor);
    // The tensor's buffer may have been transferred since the values were read.
    if (storage.values.length !== length) {
      throw wrongShape('tensor', `${length} values`, String(storage.values.length));
    }
    exchange(storage.values, values);
    storage.version++;
    written = !written;
  };
  return {
    apply: swap,
    undo() {
      if (written) swap();
    },
  };
}

function exchange(a: Float32Array, b: Float32Array): void {
  const block = new Float32Array(Math.min(blockLength, a.length));
  for (let begin = 0; begin < a.length; begin += blockLength) {
    const [left, right] = [a, b].map((array) => array.subarray(begin, begin + blockLength));
    block.set(left);
    left.set(right);
    right.set(block.subarray(0, right.length));
  }
}
