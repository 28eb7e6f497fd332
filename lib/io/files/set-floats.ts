import { wrongShape } from '../../validation/errors.js';
import { formatShape, type Shape } from '../../core/shape.js';
import { storageOf, type Tensor } from '../../core/tensor.js';
import type { Change } from './stage.js';

/** Values that are exchanged at a time. */
const blockLength = 16 * 1024;

/**
 * The change that writes values into a tensor in place. Afterwards `values` holds what the tensor held before, so
 * that taking the change back needs no further memory.
 * @param fail Called where the number of values is not the tensor's.
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
    // The memory may have been transferred away since the values were read.
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
