import { expect } from 'chai';
import { renderDigits } from '../dist-dev/examples/digits/rendered-digits.js';
import { digitsNetwork, tensorsOf } from '../examples/tensorflow-js/network.mjs';
import { tf } from './support/backends.mjs';

it('the network of the MNIST example recognizes 97 % of rendered digits', async () => {
  await tf.setBackend('batchnorm');
  const { training, test } = renderDigits(1, 24_000);
  const model = digitsNetwork(tf);
  model.compile({ optimizer: tf.train.adam(2e-3), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  await model.fit(...tensorsOf(tf, training), { batchSize: 64, epochs: 12, verbose: 0 });
  const [, accuracy] = model.evaluate(...tensorsOf(tf, test));
  expect(accuracy.dataSync()[0]).to.be.at.least(0.97);
});
