// Layers and optimizers that `{ fuseLayers: true }` replaces, against those of TensorFlow.js on the cpu backend.
import { expect } from 'chai';
import * as tf from '@tensorflow/tfjs';
import { register } from 'batchnorm/tfjs';
import { difference, randomFrom } from './support/backends.mjs';

const registration = register(tf, { fuseLayers: true });

function model(optimizer, options = {}) {
  const net = tf.sequential();
  const initializer = (seed) => tf.initializers.glorotUniform({ seed });
  net.add(
    tf.layers.conv2d({
      // The gradient of a bias before batch norm is zero but for rounding, which Adam would enlarge.
      useBias: false,
      inputShape: [6, 6, 2],
      filters: 4,
      kernelSize: 3,
      padding: 'same',
      kernelInitializer: initializer(1),
    }),
  );
  net.add(tf.layers.batchNormalization({ momentum: 0.9, ...options }));
  net.add(tf.layers.reLU());
  net.add(tf.layers.flatten());
  net.add(tf.layers.batchNormalization(options));
  net.add(tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: initializer(2) }));
  net.compile({ optimizer: optimizer(), loss: 'categoricalCrossentropy' });
  return net;
}

/** The weights after some steps, losses first. */
async function trained(backend, make, steps = 6) {
  await tf.setBackend(backend);
  const random = randomFrom(3);
  const numbers = (n) => Float32Array.from({ length: n }, () => 2 * random() - 1);
  const x = tf.tensor4d(numbers(8 * 72), [8, 6, 6, 2]);
  const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'), 3);
  const net = make();
  const losses = [];
  for (let i = 0; i < steps; i++) losses.push(await net.trainOnBatch(x, y));
  const weights = net
    .getWeights()
    .map((weight) => ({ shape: weight.shape, dtype: weight.dtype, values: weight.dataSync() }));
  const [predicted] = [net.predict(x)].flat();
  weights.push({ shape: predicted.shape, dtype: predicted.dtype, values: predicted.dataSync() });
  net.dispose();
  tf.dispose([x, y, predicted]);
  return [{ shape: [steps], dtype: 'float32', values: losses }, ...weights];
}

const optimizers = {
  Adam: () => tf.train.adam(0.01),
  'Adam with other numbers': () => tf.train.adam(0.02, 0.8, 0.95, 1e-4),
  SGD: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.05, 0.9),
  'Nesterov momentum': () => tf.train.momentum(0.05, 0.8, true),
  RMSprop: () => tf.train.rmsprop(0.01),
};

describe('fused layers', () => {
  it('are those of TensorFlow.js that exist', () => {
    expect([...registration.fused].sort()).to.deep.equal(['Adam', 'BatchNormalization', 'Momentum', 'SGD']);
  });

  for (const [name, optimizer] of Object.entries(optimizers)) {
    it(`train with ${name} as the composed ones`, async () => {
      const make = () => model(optimizer);
      const expected = await trained('cpu', make);
      registration.resetCalls();
      const actual = await trained('batchnorm', make);
      // Adam divides by the root of tiny gradients, which enlarges differences of the last bit.
      expect(
        difference(actual, expected, name.startsWith('Adam') || name === 'RMSprop' ? 1e-4 : 1e-5),
      ).to.equal(undefined);
      const calls = registration.calls();
      expect(calls.BatchnormTraining.native).to.equal(12);
      const step = name.startsWith('Adam') ? 'BatchnormAdamStep' : 'BatchnormSgdStep';
      if (name !== 'RMSprop') expect(calls[step].native).to.equal(6 * 7);
    });
  }

  it('leave other axes, other backends and gradients of second order to the composed ones', async () => {
    await tf.setBackend('batchnorm');
    registration.resetCalls();
    const layer = tf.layers.batchNormalization({ axis: 1 });
    const x = tf.randomNormal([4, 3, 2]);
    layer.apply(x, { training: true });
    const last = tf.layers.batchNormalization();
    last.apply(x);
    const squared = (value) => tf.sum(tf.square(last.apply(value, { training: true })));
    const first = (value) => tf.sum(tf.square(tf.grad(squared)(value)));
    tf.grad(first)(x).dispose();
    expect(registration.calls()).to.not.have.property('BatchnormTraining');
  });

  it('update the moving statistics as the composed ones', async () => {
    const statistics = async (backend) => {
      await tf.setBackend(backend);
      const layer = tf.layers.batchNormalization({ momentum: 0.7 });
      const x = tf.tensor2d([
        [1, -2],
        [3, 5],
        [4, 0],
        [8, 1],
      ]);
      for (let i = 0; i < 3; i++) tf.tidy(() => void layer.apply(x, { training: true }));
      return layer
        .getWeights()
        .map((weight) => ({ shape: weight.shape, dtype: weight.dtype, values: weight.dataSync() }));
    };
    expect(difference(await statistics('batchnorm'), await statistics('cpu'), 1e-6)).to.equal(undefined);
  });

  it('keep no tensors', async () => {
    await tf.setBackend('batchnorm');
    const net = model(() => tf.train.adam(0.01));
    const x = tf.randomNormal([8, 6, 6, 2]);
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2, 0, 1], 'int32'), 3);
    await net.trainOnBatch(x, y);
    const { numTensors, numBytes } = tf.memory();
    for (let i = 0; i < 5; i++) await net.trainOnBatch(x, y);
    expect(tf.memory().numTensors).to.equal(numTensors);
    expect(tf.memory().numBytes).to.equal(numBytes);
  });
});
