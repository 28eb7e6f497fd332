import { expect } from 'chai';
import { renderDigits } from '../dist-dev/examples/digits/rendered-digits.js';
import { tf } from './support/backends.mjs';

it('the network of the MNIST example recognizes 97 % of rendered digits', async () => {
  await tf.setBackend('batchnorm');
  const { training, test } = renderDigits(1, 24_000);
  const tensorsOf = ({ count, rows, columns, pixels, labels }) =>
    tf.tidy(() => [
      tf.div(tf.tensor4d(Float32Array.from(pixels), [count, rows, columns, 1]), 255),
      tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), 10).toFloat(),
    ]);
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(2e-3), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  await model.fit(...tensorsOf(training), { batchSize: 64, epochs: 12, verbose: 0 });
  const [, accuracy] = model.evaluate(...tensorsOf(test));
  expect(accuracy.dataSync()[0]).to.be.at.least(0.97);
});
