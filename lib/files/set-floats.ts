import { formatShape, type Shape } from '../tensor/shape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';

/**
 * Prepares to write values into a tensor in place; the returned function does it.
 * @param fail Called where the number of values is not the tensor's.
 */
export function setFloats(
  tensor: Tensor<Shape>,
  values: Float32Array,
  fail: (expected: string, found: string) => never,
): () => void {
  const { length } = storageOf(tensor).values;
  if (values.length !== length) {
    fail(`${length} values (shape ${formatShape(tensor.shape)})`, String(values.length));
  }
  return () => {
    const storage = storageOf(tensor);
    storage.values.set(values);
    storage.version++;
  };
}
