// The convolutional network of TensorFlow.js's MNIST example, trained on the handwritten digits that `npm start` renders. Two
// lines differ from a program for the cpu backend: register() and setBackend().
//
//   npm ci && npm install --prefix examples/tensorflow-js
//   npm start --prefix examples/tensorflow-js -- [IMAGES] [EPOCHS]
import * as tf from '@tensorflow/tfjs';
import { register } from './batchnorm.mjs';
import { digitsNetwork, tensorsOf } from './network.mjs';
import { renderDigits } from '../../dist-dev/examples/digits/rendered-digits.js';

const registration = register(tf, { fuseLayers: true });
await tf.setBackend('batchnorm');

const [images = '8000', epochs = '3'] = process.argv.slice(2);
const { training, test } = renderDigits(1, Number(images));

const model = digitsNetwork(tf);
model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });

const [x, y] = tensorsOf(tf, training);
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

const [, accuracy] = model.evaluate(...tensorsOf(tf, test));
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
