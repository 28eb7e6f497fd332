import { formatShape, type Shape } from '../tensor/shape.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';

/**
 * Prepares to write values into a tensor in place; the returned function does it. `fail` is called for
 * a float64 that is finite and too large for a float32.
 */
export function setFloats(
  tensor: Tensor<Shape>,
  values: Float64Array | Float32Array,
  fail: (expected: string, found: string) => never,
): () => void {
  const { length } = storageOf(tensor).values;
  if (values.length !== length) {
    fail(`${length} values (shape ${formatShape(tensor.shape)})`, String(values.length));
  }
  if (values instanceof Float64Array) {
    const wrong = values.findIndex((v) => Number.isFinite(v) && !Number.isFinite(Math.fround(v)));
    if (wrong >= 0) fail('values in the range of float32', `${values[wrong]} at ${wrong}`);
  }
  return () => {
    const storage = storageOf(tensor);
    storage.values.set(values);
    storage.version++;
  };
}
