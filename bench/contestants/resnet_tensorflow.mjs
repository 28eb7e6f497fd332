// A training step of ResNet-8 with TensorFlow.js on its CPU backend, which has one thread.
import { createRequire } from 'node:module';
import { serve } from './serve.mjs';

const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
await tf.setBackend('cpu');
await tf.ready();

const convolution = (filters, kernelSize, strides = 1) =>
  tf.layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false });

function way(x, filters, strides = 1) {
  const first = tf.layers.batchNormalization().apply(convolution(filters, 3, strides).apply(x));
  const second = convolution(filters, 3).apply(tf.layers.reLU().apply(first));
  return tf.layers.batchNormalization().apply(second);
}

function block(x, filters, strides) {
  const shortcut =
    strides === 1 ? x : tf.layers.batchNormalization().apply(convolution(filters, 1, strides).apply(x));
  return tf.layers.reLU().apply(tf.layers.add().apply([way(x, filters, strides), shortcut]));
}

function resnet8() {
  const inputs = tf.input({ shape: [32, 32, 3] });
  let x = tf.layers.batchNormalization().apply(convolution(16, 3).apply(inputs));
  x = tf.layers.reLU().apply(x);
  x = block(block(block(x, 16, 1), 32, 2), 64, 2);
  const outputs = tf.layers.dense({ units: 10 }).apply(tf.layers.globalAveragePooling2d({}).apply(x));
  return tf.model({ inputs, outputs });
}

await serve(({ images, rows, columns }) => {
  const net = resnet8();
  const sgd = tf.train.sgd(0.01);
  const x = tf.randomNormal([images, rows, columns, 3]);
  const labels = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: images }, (_, i) => i % 10),
      'int32',
    ),
    10,
  );
  const loss = () => tf.losses.softmaxCrossEntropy(labels, net.apply(x, { training: true }));
  return { step: () => void tf.tidy(() => sgd.minimize(loss)) };
});
