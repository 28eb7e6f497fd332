// Each of our kernels is made wrong in turn, by one value of one result, and a comparison with cpu must notice it. This tests the
// comparisons, which the other tests make, too.
import { expect } from 'chai';
import { randomFrom, randomTensor, registration, requireSame, tf } from './support/backends.mjs';
import { chain } from './support/chains.mjs';
import { functions, inputs, weighted } from './support/functions.mjs';
import { binary, reductions, unary } from './support/operations.mjs';

const matrix = () => randomTensor(randomFrom(4), [3, 5]);

/** Layers and optimizers that are fused, against the composed ones. */
function steps(optimizer) {
  const layer = tf.layers.batchNormalization();
  const scale = tf.variable(tf.tensor1d([1, 2, 3]));
  const { value, grads } = tf.variableGrads(() => {
    const y = layer.apply(tf.mul(randomTensor(randomFrom(1), [6, 3]), scale), { training: true });
    return tf.sum(tf.square(tf.add(y, tf.range(0, 3))));
  });
  for (let i = 0; i < 2; i++) optimizer.applyGradients(grads);
  return [
    value,
    ...Object.values(grads),
    tf.clone(scale),
    ...layer.getWeights().map((weight) => tf.clone(weight)),
  ];
}

/** The gradients of a convolution and a dense layer, whose bias and ReLU are fused, and of the loss of a model. */
function layers() {
  const net = tf.sequential();
  const kernelInitializer = (seed) => tf.initializers.glorotUniform({ seed });
  const convolution = { inputShape: [6, 6, 2], filters: 3, kernelSize: 3, activation: 'relu' };
  net.add(tf.layers.conv2d({ ...convolution, kernelInitializer: kernelInitializer(1) }));
  net.add(tf.layers.flatten());
  net.add(tf.layers.dense({ units: 4, activation: 'relu', kernelInitializer: kernelInitializer(2) }));
  net.add(tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(3) }));
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  const x = randomTensor(randomFrom(5), [4, 6, 6, 2]);
  const target = tf.softmax(randomTensor(randomFrom(6), [4, 3]));
  const variables = net.trainableWeights.map((weight) => weight.read());
  const { value, grads } = tf.variableGrads(
    () => tf.sum(net.model.lossFunctions[0](target, net.apply(x, { training: true }))),
    variables,
  );
  const ofTarget = tf.grad((each) => tf.sum(net.model.lossFunctions[0](each, net.apply(x))))(target);
  return [value, ofTarget, ...variables.map(({ name }) => grads[name])];
}

const comparisons = [
  ...Object.values(functions).map(([shapes, compute]) => () => {
    const xs = inputs(shapes);
    return [compute(...xs), ...tf.grads((...args) => weighted(compute(...args)))(xs)];
  }),
  ...Object.values(unary).map((compute) => () => compute(matrix())),
  ...Object.values(binary).map(
    (compute) => () => compute(matrix(), tf.transpose(tf.reshape(tf.transpose(matrix()), [5, 3]))),
  ),
  ...Object.values(binary).map((compute) => () => compute(tf.floor(matrix()), tf.ceil(matrix()))),
  ...Object.values(reductions).map((compute) => () => [compute(matrix(), 0), compute(matrix(), 1)]),
  () =>
    tf.fused.matMul({
      a: matrix(),
      b: matrix(),
      transposeB: true,
      bias: tf.tensor1d([1, 2, 3]),
      activation: 'relu',
    }),
  () =>
    tf.fused.depthwiseConv2d({
      ...{ x: randomTensor(randomFrom(1), [1, 5, 5, 2]), filter: randomTensor(randomFrom(2), [3, 3, 2, 1]) },
      ...{ strides: 1, pad: 'same', bias: tf.tensor1d([0.5, -0.5]), activation: 'relu6' },
    }),
  layers,
  () => steps(tf.train.adam(0.1)),
  () => steps(tf.train.sgd(0.1)),
  () => steps(tf.train.momentum(0.1, 0.9)),
  () => tf.stack([matrix(), matrix()], 1),
  () => tf.stridedSlice(matrix(), [0, 1], [3, 5], [2, 2]),
  () => tf.image.resizeBilinear(randomTensor(randomFrom(7), [2, 4, 3, 2]), [6, 5]),
  ...Array.from({ length: 40 }, (_, i) => chain(i + 1, 0)),
];

/** Makes one value of every result of a kernel wrong. */
function mutate(name) {
  const config = tf.getKernel(name, 'batchnorm');
  tf.unregisterKernel(name, 'batchnorm');
  tf.registerKernel({
    ...config,
    kernelFunc: (call) => {
      const results = [config.kernelFunc(call)].flat();
      // Steps of optimizers change their parameters instead.
      if (results.length === 0) call.backend.dataOf(call.attrs.parameters[0]).writable()[0] += 1;
      const wrong = results.map((result) => wrongCopy(call.backend, result));
      return results.length === 1 ? wrong[0] : wrong;
    },
  });
  return () => {
    tf.unregisterKernel(name, 'batchnorm');
    tf.registerKernel(config);
  };
}

function wrongCopy(backend, { dataId, shape, dtype }) {
  const values = backend.readSync(dataId).slice();
  if (values.length > 0) values[values.length - 1] = dtype === 'bool' ? 1 - values.at(-1) : values.at(-1) + 1;
  return { dataId: backend.write(values, shape, dtype), shape, dtype };
}

const isNoticed = () =>
  comparisons.some((compute) => {
    try {
      requireSame(compute, 1e-3);
      return false;
    } catch {
      return true;
    }
  });

describe('a kernel that is made wrong is noticed:', () => {
  it('none is noticed where all are right', () => {
    expect(isNoticed()).to.equal(false);
  });

  const own = tf
    .getKernelsForBackend('batchnorm')
    .map(({ kernelName }) => kernelName)
    .filter((name) => name.startsWith('Batchnorm'));
  for (const name of [...registration.kernels, ...own]) {
    it(name, () => {
      const restore = mutate(name);
      try {
        expect(isNoticed()).to.equal(true);
      } finally {
        restore();
      }
    });
  }
});
