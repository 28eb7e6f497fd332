// Random networks of the layers API, trained with fused layers, against cpu. NETWORKS is their number, SEED the first seed.
import { expect } from 'chai';
import { difference, randomFrom, registration, tf } from './support/backends.mjs';

const count = Number(process.env.NETWORKS ?? 25);
const first = Number(process.env.SEED ?? 1);
const classes = 3;
const images = 4;

/** A network whose layers, options and weights follow from the seed. */
function network(seed) {
  const random = randomFrom(seed);
  const pick = (values) => values[Math.floor(random() * values.length)];
  const weights = () => ({
    kernelInitializer: tf.initializers.glorotUniform({ seed: Math.floor(random() * 1e6) }),
    biasInitializer: tf.initializers.randomUniform({
      minval: -0.2,
      maxval: 0.2,
      seed: Math.floor(random() * 1e6),
    }),
    kernelRegularizer: pick([undefined, undefined, tf.regularizers.l2({ l2: 0.01 })]),
    activation: pick(['relu', 'relu', 'linear', 'sigmoid', 'tanh']),
    useBias: random() < 0.7,
    trainable: random() < 0.85,
  });
  const convolution = (filters) =>
    tf.layers.conv2d({
      ...{
        filters,
        kernelSize: pick([1, 2, 3, [3, 1]]),
        strides: pick([1, 1, 2]),
        padding: 'same',
        ...weights(),
      },
    });
  const norm = () =>
    tf.layers.batchNormalization({ momentum: pick([0.5, 0.9]), epsilon: pick([1e-3, 1e-2]) });
  const apply = (layer, x) => layer.apply(x);

  const input = tf.input({ shape: [6, 5, pick([1, 2, 3])] });
  let x = input;
  for (let i = pick([1, 2, 3]); i > 0; i--) {
    x = apply(convolution(pick([2, 3, 4])), x);
    if (random() < 0.6) x = apply(norm(), x);
    if (random() < 0.4) x = apply(tf.layers.reLU(), x);
    if (random() < 0.3) {
      const channels = x.shape.at(-1);
      const same = tf.layers.conv2d({ filters: channels, kernelSize: 3, padding: 'same', ...weights() });
      // The same layer twice, and a sum with what it received.
      x = apply(tf.layers.add(), [x, apply(same, apply(same, x))]);
    }
    if (random() < 0.3) x = apply(tf.layers.averagePooling2d({ poolSize: 2, padding: 'same' }), x);
  }
  x = apply(pick([tf.layers.flatten, tf.layers.globalAveragePooling2d])({}), x);
  if (random() < 0.5) x = apply(tf.layers.dense({ units: pick([3, 5]), ...weights() }), x);
  if (random() < 0.3) x = apply(norm(), x);
  const outputs = apply(
    tf.layers.dense({ units: classes, ...weights(), activation: 'softmax', trainable: true }),
    x,
  );
  const net = tf.model({ inputs: input, outputs });
  const optimizer = pick([
    () => tf.train.sgd(0.1),
    () => tf.train.momentum(0.05, 0.9),
    () => tf.train.rmsprop(0.003),
  ])();
  const loss = pick(['categoricalCrossentropy', 'categoricalCrossentropy', 'meanSquaredError']);
  net.compile({ optimizer, loss, metrics: pick([[], ['accuracy']]) });
  return { net, optimizer, random, shape: [images, ...input.shape.slice(1)] };
}

/** Losses, weights and a prediction after some steps. */
async function trained(backend, seed) {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const { net, optimizer, random, shape } = network(seed);
  const size = shape.reduce((product, each) => product * each);
  const x = tf.tensor(
    Float32Array.from({ length: size }, () => 2 * random() - 1),
    shape,
  );
  const y = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: images }, (_, i) => i % classes),
      'int32',
    ),
    classes,
  );
  const losses = [];
  for (let i = 0; i < 3; i++) losses.push([await net.trainOnBatch(x, y)].flat()[0]);
  const predicted = net.predict(x);
  const results = [...net.getWeights(), predicted].map((each) => ({
    ...{ shape: each.shape, dtype: each.dtype, values: each.dataSync() },
  }));
  net.dispose();
  optimizer.dispose();
  tf.dispose([x, y, predicted]);
  return {
    kept: tf.memory().numTensors - before,
    results: [{ shape: [3], dtype: 'float32', values: losses }, ...results],
  };
}

describe('random networks with fused layers', () => {
  it(`${count} train as on cpu and keep as many tensors`, async () => {
    registration.resetCalls();
    for (let seed = first; seed < first + count; seed++) {
      const expected = await trained('cpu', seed);
      const actual = await trained('batchnorm', seed);
      expect(difference(actual.results, expected.results, 1e-3), `seed ${seed}`).to.equal(undefined);
      expect(actual.kept, `tensors of seed ${seed}`).to.equal(expected.kept);
    }
    const used = ['BatchnormConvolution', 'BatchnormDense', 'BatchnormTraining', 'BatchnormCrossEntropy'];
    expect(registration.calls()).to.include.keys(...used);
  });
});
