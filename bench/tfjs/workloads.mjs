// The networks that bench/tfjs.mjs measures, for TensorFlow.js and for our own API.
import { digitsNetwork } from '../../examples/tensorflow-js/network.mjs';
import { mobileNetV1, mobileNetV1Blocks } from '../../test/tfjs/support/mobile-net.mjs';
import { randomFrom } from '../../test/tfjs/support/random.mjs';

const classes = 10;

function numbers(n) {
  const random = randomFrom(1);
  return Float32Array.from({ length: n }, () => 2 * random() - 1);
}

/** By name: the batch of TensorFlow.js, and the model that it trains. */
const training = {
  mnist: {
    shape: [64, 28, 28, 1],
    model: (tf) => compiled(digitsNetwork(tf), tf.train.adam()),
    own: (lib) => {
      const { Conv2D, Flatten2D, Linear, MaxPool2D, ReLU, Sequential } = lib;
      return new Sequential(
        ...[
          new Conv2D(1, 8, 5),
          new ReLU(),
          new MaxPool2D(2, { stride: 2 }),
          new Conv2D(8, 16, 5),
          new ReLU(),
          new MaxPool2D(2, { stride: 2 }),
        ],
        ...[new Flatten2D(), new Linear(256, classes)],
      );
    },
    optimizer: ({ Adam }) => new Adam(),
  },
  'ResNet-8': {
    shape: [32, 32, 32, 3],
    model: resnet8,
    own: async () => (await import('../resnet/network.mjs')).resnet8(),
    optimizer: ({ Sgd }) => new Sgd({ lr: 0.01 }),
  },
  MLP: {
    shape: [128, 784],
    model: (tf) =>
      compiled(
        tf.sequential({
          layers: [
            tf.layers.dense({ inputShape: [784], units: 256, activation: 'relu' }),
            tf.layers.dense({ units: 128, activation: 'relu' }),
            tf.layers.dense({ units: classes, activation: 'softmax' }),
          ],
        }),
        tf.train.adam(),
      ),
    own: ({ Linear, ReLU, Sequential }) =>
      new Sequential(
        new Linear(784, 256),
        new ReLU(),
        new Linear(256, 128),
        new ReLU(),
        new Linear(128, classes),
      ),
    optimizer: ({ Adam }) => new Adam(),
  },
};

const mobileNet = 'MobileNet v1';
const mnistInference = 'mnist, inference';
export const workloads = [...Object.keys(training), mobileNet, mnistInference];

function compiled(model, optimizer) {
  model.compile({ optimizer, loss: 'categoricalCrossentropy' });
  return model;
}

function resnet8(tf) {
  const { layers } = tf;
  const convolve = (x, filters, kernelSize, strides) => {
    const y = layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false }).apply(x);
    return layers.batchNormalization().apply(y);
  };
  const relu = (x) => layers.reLU().apply(x);
  const block = (x, filters, strides) => {
    const y = convolve(relu(convolve(x, filters, 3, strides)), filters, 3, 1);
    return relu(layers.add().apply([y, strides === 1 ? x : convolve(x, filters, 1, strides)]));
  };
  const input = tf.input({ shape: [32, 32, 3] });
  const x = block(block(block(relu(convolve(input, 16, 3, 1)), 16, 1), 32, 2), 64, 2);
  const pooled = layers.globalAveragePooling2d({}).apply(x);
  const output = layers.dense({ units: classes, activation: 'softmax' }).apply(pooled);
  return compiled(tf.model({ inputs: input, outputs: output }), tf.train.sgd(0.01));
}

const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** @returns a function that runs one step, or one inference, and waits for its result */
export async function workOfTensorFlow(tf, name) {
  const inference = (model, shape) => {
    const x = tf.tensor4d(numbers(sizeOf(shape)), shape);
    return async () => {
      const y = model.predict(x);
      await y.data();
      y.dispose();
    };
  };
  if (name === mobileNet) {
    const model = await tf.loadGraphModel(tf.io.fromMemory(mobileNetV1(224, 1, 1000)));
    return inference(model, [1, 224, 224, 3]);
  }
  if (name === mnistInference) return inference(digitsNetwork(tf), training.mnist.shape);
  const { shape, model: make } = training[name];
  const model = make(tf);
  const x = tf.tensor(numbers(sizeOf(shape)), shape);
  const y = tf.oneHot(tf.range(0, shape[0], 1, 'int32').mod(classes).toInt(), classes).toFloat();
  return () => model.trainOnBatch(x, y);
}

/** The same work by our own API; inference by a compiled plan, of MobileNet with ReLU in place of ReLU6. */
export async function workOfOwn(lib, name) {
  const { Tensor, backward, compile, crossEntropyWithLogitsLoss } = lib;
  const inference = (model, shape) => {
    const plan = compile(model, shape);
    const x = Tensor.from(numbers(sizeOf(shape)), shape);
    return () => plan.runSync(x).dispose();
  };
  if (name === mobileNet) return inference(ownMobileNet(lib), [1, 3, 224, 224]);
  if (name === mnistInference) {
    const { shape, own } = training.mnist;
    const [images, height, width, channels] = shape;
    return inference(await own(lib), [images, channels, height, width]);
  }
  const { shape, own, optimizer: makeOptimizer } = training[name];
  const model = await own(lib);
  const optimizer = makeOptimizer(lib);
  const [images, height, width, channels] = shape;
  const own4D = shape.length === 4 ? [images, channels, height, width] : shape;
  const x = Tensor.from(numbers(sizeOf(own4D)), own4D);
  const targets = Array.from({ length: images }, (_, i) => i % classes);
  return () => {
    const gradients = backward(crossEntropyWithLogitsLoss(model.forwardMut(x.trace()), targets));
    optimizer.update(model, gradients);
  };
}

function ownMobileNet({ AvgPoolGlobal, BatchNorm2D, Conv2D, Linear, ReLU, Sequential }) {
  const convolve = (inputs, outputs, kernel, options) => [
    new Conv2D(inputs, outputs, kernel, { bias: false, ...options }),
    ...[new BatchNorm2D(outputs), new ReLU()],
  ];
  const parts = convolve(3, 32, 3, { stride: 2, padding: 1 });
  let from = 32;
  for (const [channels, stride] of mobileNetV1Blocks) {
    parts.push(
      ...convolve(from, from, 3, { stride, padding: 1, groups: from }),
      ...convolve(from, channels, 1),
    );
    from = channels;
  }
  return new Sequential(...parts, new AvgPoolGlobal(), new Linear(from, 1000));
}
