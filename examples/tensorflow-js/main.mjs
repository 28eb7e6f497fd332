// The convolutional network of TensorFlow.js's MNIST example, trained on the handwritten digits that `npm start` renders. Two
// lines differ from a program for the cpu backend: register() and setBackend().
//
//   npm ci && npm install --prefix examples/tensorflow-js
//   npm start --prefix examples/tensorflow-js -- [IMAGES] [EPOCHS]
import * as tf from '@tensorflow/tfjs';
import { register } from './batchnorm.mjs';
import { renderDigits } from '../../dist-dev/examples/digits/rendered-digits.js';

const registration = register(tf, { fuseLayers: true });
await tf.setBackend('batchnorm');

const [images = '8000', epochs = '3'] = process.argv.slice(2);
const { training, test } = renderDigits(1, Number(images));

/** Pixels between 0 and 1, [N, 28, 28, 1], and one-hot classes. */
function tensorsOf({ count, rows, columns, pixels, labels }) {
  return tf.tidy(() => [
    tf.div(tf.tensor4d(Float32Array.from(pixels), [count, rows, columns, 1]), 255),
    tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), 10).toFloat(),
  ]);
}

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
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });

const [x, y] = tensorsOf(training);
const begin = performance.now();
await model.fit(x, y, {
  batchSize: 64,
  epochs: Number(epochs),
  verbose: 0,
  callbacks: {
    onEpochEnd: (epoch, { loss, acc }) =>
      console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}, ${percent(acc)} of the training images`),
  },
});
console.log(
  `trained in ${((performance.now() - begin) / 1000).toFixed(1)} s on ${describe(registration.backend)}`,
);

const [, accuracy] = model.evaluate(...tensorsOf(test));
console.log(`test accuracy ${percent(accuracy.dataSync()[0])}`);

const calls = Object.entries(registration.calls());
const rest = calls.filter(([, { javascript }]) => javascript > 0).map(([name]) => name);
console.log(`kernels in JavaScript, which only move or describe data: ${rest.join(', ')}`);

function percent(fraction) {
  return `${(fraction * 100).toFixed(1)} %`;
}

function describe({ name, isa, threads }) {
  return `the ${name} backend (${isa}, ${threads} thread${threads === 1 ? '' : 's'})`;
}
