// TensorFlow.js with our backend next to its own.
import * as tf from '@tensorflow/tfjs';
import { register } from 'batchnorm/tfjs';
import { randomFrom, sizeOf } from './random.mjs';

export { randomFrom, sizeOf };

export const registration = register(tf, { fuseLayers: true });
export { tf };

/** Runs `compute` on a backend and returns its values: tensors, arrays and objects of them become plain arrays. */
export function on(backend, compute) {
  tf.setBackend(backend);
  const result = tf.tidy(compute);
  const values = valuesOf(result);
  tf.dispose(result);
  return values;
}

function valuesOf(result) {
  if (result instanceof tf.Tensor)
    return { shape: result.shape, dtype: result.dtype, values: result.dataSync() };
  if (Array.isArray(result)) return result.map(valuesOf);
  return result;
}

/**
 * Where two results of `on` differ, or undefined. Numbers may differ by `tolerance` times the larger of 1 and the largest value
 * of their tensor.
 */
export function difference(actual, expected, tolerance = 1e-4, place = 'result') {
  if (Array.isArray(expected)) {
    if (actual.length !== expected.length)
      return `${place}: ${actual.length} instead of ${expected.length} tensors`;
    for (let i = 0; i < expected.length; i++) {
      const found = difference(actual[i], expected[i], tolerance, `${place} ${i}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const { shape, dtype, values } = expected;
  if (
    String(actual.shape) !== String(shape) ||
    actual.dtype !== dtype ||
    actual.values.length !== values.length
  ) {
    return `${place}: ${actual.dtype} [${actual.shape}] instead of ${dtype} [${shape}]`;
  }
  let scale = 1;
  for (const value of values) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  for (let i = 0; i < values.length; i++) {
    const isClose = Math.abs(actual.values[i] - values[i]) <= tolerance * scale;
    if (!isClose && !Object.is(actual.values[i], values[i])) {
      return `${place}[${i}] of [${shape}]: ${actual.values[i]} instead of ${values[i]}`;
    }
  }
  return undefined;
}

/**
 * Throws where a function gives other values on our backend than on `cpu`, or fails in another way.
 * @returns whether it failed on both
 */
export function requireSame(compute, tolerance) {
  const [expected, actual] = ['cpu', 'batchnorm'].map((backend) => outcome(backend, compute));
  if (expected.error !== undefined || actual.error !== undefined) {
    if (expected.error?.message === actual.error?.message) return true;
    throw new Error('Expected the outcome of cpu', { cause: actual.error ?? expected.error });
  }
  const found = difference(actual.values, expected.values, tolerance);
  if (found !== undefined) throw new Error(found);
  return false;
}

function outcome(backend, compute) {
  try {
    return { values: on(backend, compute) };
  } catch (error) {
    return { error };
  }
}

/** A tensor of random numbers in [-range, range). */
export function randomTensor(random, shape, range = 2) {
  return tf.tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => (2 * random() - 1) * range),
    shape,
  );
}
