// TensorFlow.js on its CPU backend: training forward and backward of one layer. Takes tens of seconds for large tensors,
// so it takes part only for the smallest shape.
import { createRequire } from 'node:module';
import { serve } from './serve.mjs';

const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
await tf.setBackend('cpu');
await tf.ready();

await serve(({ images, channels, rows, columns }) => {
  if (images * channels * rows * columns > 1_000_000) return {};
  const x = tf.randomNormal([images, rows, columns, channels]);
  const scale = tf.ones([channels]);
  const bias = tf.zeros([channels]);
  const loss = (input, gamma, beta) => {
    const { mean, variance } = tf.moments(input, [0, 1, 2]);
    return tf.batchNorm(input, mean, variance, beta, gamma, 1e-5).square().mean();
  };
  return { 'forward + backward': () => tf.dispose(tf.grads(loss)([x, scale, bias])) };
});
