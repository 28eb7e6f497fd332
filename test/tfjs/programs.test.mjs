// Whole programs, whose results on our backend are those on cpu.
import { expect } from 'chai';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { difference, randomFrom, randomTensor, registration, tf } from './support/backends.mjs';
import { mobileNetV1, mobileNetV2 } from './support/mobile-net.mjs';

const valuesOf = (tensor) => ({ shape: tensor.shape, dtype: tensor.dtype, values: tensor.dataSync() });

/** The results of a program on both backends must be the same. */
async function requireSameProgram(program, tolerance) {
  await tf.setBackend('cpu');
  const expected = await program();
  await tf.setBackend('batchnorm');
  registration.resetCalls();
  const actual = await program();
  expect(difference(actual, expected, tolerance)).to.equal(undefined);
  return registration.calls();
}

const initializer = (seed) => tf.initializers.glorotUniform({ seed });

describe('programs on our backend', () => {
  it('an LSTM that learns to count', async () => {
    const calls = await requireSameProgram(async () => {
      const net = tf.sequential({
        layers: [
          tf.layers.embedding({
            inputDim: 5,
            outputDim: 4,
            inputLength: 6,
            embeddingsInitializer: initializer(1),
          }),
          tf.layers.lstm({
            units: 6,
            kernelInitializer: initializer(2),
            recurrentInitializer: initializer(3),
          }),
          tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: initializer(4) }),
        ],
      });
      net.compile({ optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy' });
      const random = randomFrom(5);
      const words = Array.from({ length: 12 }, () =>
        Array.from({ length: 6 }, () => Math.floor(random() * 5)),
      );
      const classes = words.map((sentence) => Math.min(2, sentence.filter((word) => word === 1).length));
      const x = tf.tensor2d(words);
      const y = tf.oneHot(tf.tensor1d(classes, 'int32'), 3);
      for (let i = 0; i < 5; i++) await net.trainOnBatch(x, y);
      const results = [valuesOf(net.predict(x)), ...net.getWeights().map(valuesOf)];
      net.dispose();
      tf.dispose([x, y]);
      return results;
    }, 1e-3);
    expect(calls._FusedMatMul?.native ?? calls.BatchMatMul.native).to.be.above(0);
  });

  it('a small residual network with batch norm', async () => {
    const { layers } = tf;
    await requireSameProgram(async () => {
      let seed = 1;
      const convolve = (x, filters, strides) => {
        const y = layers
          .conv2d({
            filters,
            strides,
            kernelSize: 3,
            padding: 'same',
            useBias: false,
            kernelInitializer: initializer(seed++),
          })
          .apply(x);
        return layers.batchNormalization({ momentum: 0.5 }).apply(y);
      };
      const input = tf.input({ shape: [8, 8, 3] });
      const stem = layers.reLU().apply(convolve(input, 4, 1));
      const block = convolve(layers.reLU().apply(convolve(stem, 4, 1)), 4, 1);
      const sum = layers.reLU().apply(layers.add().apply([stem, block]));
      const pooled = layers.globalAveragePooling2d({}).apply(convolve(sum, 6, 2));
      const output = layers
        .dense({ units: 3, activation: 'softmax', kernelInitializer: initializer(99) })
        .apply(pooled);
      const net = tf.model({ inputs: input, outputs: output });
      net.compile({ optimizer: tf.train.sgd(0.05), loss: 'categoricalCrossentropy' });
      const x = randomTensor(randomFrom(2), [6, 8, 8, 3]);
      const y = tf.oneHot(tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32'), 3);
      for (let i = 0; i < 4; i++) await net.trainOnBatch(x, y);
      return [valuesOf(net.predict(x)), ...net.getWeights().map(valuesOf)];
    }, 1e-3);
  });

  it('transfer learning from a truncated model', async () => {
    await requireSameProgram(async () => {
      const base = tf.sequential({
        layers: [
          tf.layers.conv2d({
            inputShape: [10, 10, 3],
            filters: 6,
            kernelSize: 3,
            activation: 'relu6',
            kernelInitializer: initializer(1),
          }),
          tf.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthwiseInitializer: initializer(2) }),
          tf.layers.batchNormalization(),
          tf.layers.averagePooling2d({ poolSize: 2, name: 'features' }),
          tf.layers.flatten(),
          tf.layers.dense({ units: 4, kernelInitializer: initializer(3) }),
        ],
      });
      const truncated = tf.model({ inputs: base.inputs, outputs: base.getLayer('features').output });
      for (const layer of truncated.layers) layer.trainable = false;
      const head = tf.sequential({
        layers: [
          tf.layers.flatten({ inputShape: truncated.outputs[0].shape.slice(1) }),
          tf.layers.dense({ units: 8, activation: 'relu', kernelInitializer: initializer(4) }),
          tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: initializer(5) }),
        ],
      });
      head.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
      const x = randomTensor(randomFrom(3), [8, 10, 10, 3], 1);
      const features = truncated.predict(x);
      const y = tf.oneHot(tf.tensor1d([0, 1, 0, 1, 0, 1, 0, 1], 'int32'), 2);
      await head.fit(features, y, { epochs: 3, batchSize: 4, shuffle: false, verbose: 0 });
      return [valuesOf(features), valuesOf(head.predict(features))];
    }, 1e-3);
  });

  for (const [name, make] of Object.entries({ 'MobileNet v1': mobileNetV1, 'MobileNet v2': mobileNetV2 })) {
    it(`${name} as a graph model`, async () => {
      const artifacts = make(48, 0.25);
      const calls = await requireSameProgram(async () => {
        const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
        const results = [1, 3].map((batch) =>
          tf.tidy(() => model.predict(randomTensor(randomFrom(batch), [batch, 48, 48, 3], 1))),
        );
        model.dispose();
        return results.map(valuesOf);
      });
      const inJavaScript = Object.entries(calls).filter(([, { javascript }]) => javascript > 0);
      expect(inJavaScript.map(([kernel]) => kernel)).to.have.members(
        ['Identity', 'Reshape'].filter((kernel) => calls[kernel]),
      );
    });
  }

  it('a graph model from a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'batchnorm-tfjs-'));
    const artifacts = mobileNetV1(32, 0.25);
    const [handler] = tf.io.getSaveHandlers(`file://${folder}`);
    await handler.save(artifacts);
    await tf.setBackend('batchnorm');
    const fromFolder = await tf.loadGraphModel(`file://${folder}/model.json`);
    const fromMemory = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
    const x = randomTensor(randomFrom(1), [1, 32, 32, 3]);
    expect([...fromFolder.predict(x).dataSync()]).to.deep.equal([...fromMemory.predict(x).dataSync()]);
    rmSync(folder, { recursive: true });
  });
});
