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
    expect([...registration.fused].sort()).to.deep.equal([
      ...['Adam', 'BatchNormalization', 'Conv2D', 'Dense', 'Model', 'Momentum', 'SGD'],
    ]);
  });

  for (const [name, optimizer] of Object.entries(optimizers)) {
    it(`train with ${name} as the composed ones`, async () => {
      const make = () => model(optimizer);
      const expected = await trained('cpu', make);
      registration.resetCalls();
      const actual = await trained('batchnorm', make);
      // Adam divides tiny gradients by their size, which enlarges differences of the last bit between the backends'
      // convolutions. With the same gradients it agrees within 1e-5, as the test below shows.
      expect(
        difference(actual, expected, name.startsWith('Adam') || name === 'RMSprop' ? 1e-4 : 1e-5),
      ).to.equal(undefined);
      const calls = registration.calls();
      expect(calls.BatchnormTraining.native).to.equal(12);
      const step = name.startsWith('Adam') ? 'BatchnormAdamStep' : 'BatchnormSgdStep';
      if (name !== 'RMSprop') expect(calls[step].native).to.equal(6);
      expect(calls.BatchnormCrossEntropy.native).to.equal(6);
    });
  }

  for (const [name, optimizer] of Object.entries(optimizers)) {
    it(`step with ${name} as the composed ones for 100 steps of the same gradients`, async () => {
      const stepped = async (backend, scale) => {
        await tf.setBackend(backend);
        const random = randomFrom(7);
        const numbers = () =>
          Float32Array.from({ length: 65 }, (_, i) => (2 * random() - 1) * scale * (i % 5));
        const variables = [1, 2].map(() => tf.variable(tf.tensor2d(numbers(), [13, 5])));
        const stepper = optimizer();
        for (let i = 0; i < 100; i++) {
          const gradients = variables.map(() => tf.tensor2d(numbers(), [13, 5]));
          // The second variable has no gradient every third time.
          const tensors = i % 3 === 2 ? [gradients[0], null] : gradients;
          stepper.applyGradients(
            variables.map((variable, each) => ({ name: variable.name, tensor: tensors[each] })),
          );
          tf.dispose(gradients);
        }
        const results = variables.map((each) => ({
          shape: each.shape,
          dtype: each.dtype,
          values: each.dataSync(),
        }));
        tf.dispose(variables);
        stepper.dispose();
        return results;
      };
      for (const scale of [1e-8, 1e-3, 1, 100]) {
        const expected = await stepped('cpu', scale);
        expect(difference(await stepped('batchnorm', scale), expected, 1e-5), `${scale}`).to.equal(undefined);
      }
    });
  }

  it('step in place only where no other tensor shares the values', async () => {
    await tf.setBackend('batchnorm');
    const initial = tf.tensor1d([1, 2, 3]);
    const variable = tf.variable(initial);
    const clone = tf.clone(variable);
    const view = tf.reshape(variable, [3, 1]);
    const gradient = tf.tensor1d([1, 1, 1]);
    const sgd = tf.train.sgd(0.5);
    sgd.applyGradients([{ name: variable.name, tensor: gradient }]);
    const read = variable.dataSync();
    const later = tf.clone(variable);
    sgd.applyGradients([{ name: variable.name, tensor: gradient }]);
    expect([...variable.dataSync()]).to.deep.equal([0, 1, 2]);
    for (const each of [initial, clone, view]) expect([...each.dataSync()]).to.deep.equal([1, 2, 3]);
    for (const each of [read, later.dataSync()]) expect([...each]).to.deep.equal([0.5, 1.5, 2.5]);
    tf.dispose([initial, variable, clone, view, gradient, later]);
  });

  it('train convolutions and dense layers with biases and activations as the composed ones', async () => {
    const make = () => {
      const weights = (seed) => ({
        kernelInitializer: tf.initializers.glorotUniform({ seed }),
        biasInitializer: tf.initializers.randomUniform({ minval: -0.5, maxval: 0.5, seed: seed + 1 }),
      });
      const layers = [
        tf.layers.conv2d({
          inputShape: [6, 6, 2],
          filters: 4,
          kernelSize: 3,
          activation: 'relu',
          ...weights(1),
        }),
        tf.layers.conv2d({ filters: 3, kernelSize: [2, 3], strides: 2, padding: 'same', ...weights(3) }),
        tf.layers.conv2d({ filters: 3, kernelSize: 1, activation: 'sigmoid', ...weights(5) }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 6, activation: 'relu', ...weights(7) }),
        tf.layers.dense({ units: 5, activation: 'elu', useBias: false, ...weights(9) }),
        tf.layers.dense({ units: 3, activation: 'softmax', ...weights(11) }),
      ];
      const net = tf.sequential({ layers });
      net.compile({ optimizer: tf.train.sgd(0.2), loss: ['categoricalCrossentropy'] });
      return net;
    };
    const expected = await trained('cpu', make);
    registration.resetCalls();
    expect(difference(await trained('batchnorm', make), expected, 1e-5)).to.equal(undefined);
    const calls = registration.calls();
    expect(calls.BatchnormConvolution.native).to.equal(3 * 6);
    expect(calls.BatchnormDense.native).to.equal(3 * 6);
    expect(calls.BatchnormCrossEntropy.native).to.equal(6);
  });

  it('leave layers to the composed ones where their input, kernel or data format is another one', async () => {
    const cases = [
      [tf.layers.conv2d({ filters: 2, kernelSize: 2, dataFormat: 'channelsFirst' }), [2, 3, 4, 4]],
      [tf.layers.conv2d({ filters: 2, kernelSize: 2, dilationRate: 2 }), [2, 4, 4, 3]],
      [tf.layers.dense({ units: 2 }), [2, 3, 4]],
      [tf.layers.conv1d({ filters: 2, kernelSize: 2 }), [2, 5, 3]],
      [tf.layers.separableConv2d({ filters: 2, kernelSize: 2 }), [2, 5, 5, 3]],
      [tf.layers.conv2dTranspose({ filters: 2, kernelSize: 2 }), [2, 5, 5, 3]],
    ];
    registration.resetCalls();
    for (const [layer, shape] of cases) {
      // Frozen, because not all of these have gradients.
      const value = (backend) => {
        tf.setBackend(backend);
        const x = tf.reshape(
          tf.range(
            0,
            shape.reduce((a, b) => a * b),
          ),
          shape,
        );
        const { value } = tf.variableGrads(() => tf.add(tf.sum(layer.apply(x)), tf.sum(scale)), [scale]);
        return [{ shape: [], dtype: 'float32', values: value.dataSync() }];
      };
      const scale = tf.variable(tf.scalar(1));
      expect(difference(value('batchnorm'), value('cpu'), 1e-5), layer.getClassName()).to.equal(undefined);
    }
    expect(registration.calls()).to.not.have.any.keys('BatchnormConvolution', 'BatchnormDense');
  });

  it('leave other axes, other backends and gradients of second order to the composed ones', async () => {
    await tf.setBackend('batchnorm');
    registration.resetCalls();
    const layer = tf.layers.batchNormalization({ axis: 1 });
    const x = tf.randomNormal([4, 3, 2]);
    layer.apply(x, { training: true });
    const last = tf.layers.batchNormalization();
    last.apply(x);
    const dense = tf.layers.dense({ units: 3, activation: 'relu' });
    for (const apply of [
      (value) => last.apply(value, { training: true }),
      (value) => dense.apply(tf.reshape(value, [12, 2])),
    ]) {
      const squared = (value) => tf.sum(tf.square(apply(value)));
      const first = (value) => tf.sum(tf.square(tf.grad(squared)(value)));
      tf.grad(first)(x).dispose();
    }
    expect(registration.calls()).to.not.have.any.keys('BatchnormTraining', 'BatchnormDense');
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
