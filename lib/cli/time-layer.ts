import { named } from '../backend/argument.js';
import { backend } from '../backend/index.js';
import { batchNormBackward } from '../raw/backward.js';
import { batchNormInference } from '../raw/inference.js';
import { batchNormTraining } from '../raw/training.js';
import { Tensor } from '../core/tensor.js';

/** Passes the three kernels on one layer, and the copy of its tensor, to `measure`. */
export function timeLayer<Result>(
  shape: readonly [images: number, channels: number, height: number, width: number],
  measure: (calls: Record<'copy' | 'inference' | 'training' | 'backward', () => void>) => Result,
): Result {
  const [images, channels, height, width] = shape;
  const elements = images * channels * height * width;
  // Tensors rather than plain arrays, because their memory is aligned to cache lines and advised for huge
  // pages.
  const tensors = [0, 1, 2].map(() => Tensor.zeros([...shape]));
  const [x, dy, result] = tensors.map((tensor) => tensor.data);
  for (let i = 0; i < elements; i++) {
    x[i] = Math.sin(i);
    dy[i] = Math.sin(i + 1);
  }
  const filled = (value: number): Float32Array => new Float32Array(channels).fill(value);
  const parameters = { shape, scale: filled(1.5), bias: filled(0.5) };
  const running = { runningMean: filled(0), runningVar: filled(1) };
  const saved = { mean: filled(0), meanLow: filled(0), invStd: filled(1) };
  const gradients = { dx: result, dscale: filled(0), dbias: filled(0) };
  return measure({
    copy: () => backend.copy(elements, named('x', x), named('y', result)),
    inference: () => void batchNormInference({ x, ...parameters, ...running }, result),
    training: () => void batchNormTraining({ x, ...parameters, ...running }, { y: result, ...saved }),
    backward: () => void batchNormBackward({ x, dy, ...parameters, ...saved }, gradients),
  });
}
