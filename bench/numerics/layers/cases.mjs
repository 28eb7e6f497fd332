// Cases for the layers around batch normalization: sizes and inputs for each operation, both random and patterns that
// are critical for rounding.
import { seeded } from '../../../dist-dev/test/support/random.js';

const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const power = (random, low, high) => 10 ** (low + (high - low) * random());
const signed = (random) => (random() < 0.5 ? -1 : 1);
const below = (random, n) => Math.floor(n * random());
const oneOf = (random, values) => values[below(random, values.length)];
const floats = (length, value) => Float32Array.from({ length }, (_, i) => value(i));

/** Patterns of a tensor's values by index; each draws the parameters that all values share once. */
const ordinary = [
  (random) => () => normal(random),
  (random, mean = 10 * normal(random), width = power(random, -4, 4)) =>
    () =>
      width * (mean + normal(random)),
  (random) => () => Math.max(0, normal(random)),
  (random) => () => random() - 0.5,
];
const adversarial = {
  'mean 1e4 × std': (random) => () => 1e4 + normal(random),
  'alternating ±1e4, noise 1': (random) => (i) => (i % 2 === 0 ? 1e4 : -1e4) + normal(random),
  'all 0.1': () => () => 0.1,
  '1e18 at one position': (random) => (i) => (i === 17 ? 1e18 : normal(random)),
  '10^U(−10, 10), both signs': (random) => () => signed(random) * power(random, -10, 10),
  'near 1e-18': (random) => () => 1e-18 * normal(random),
  'near 1e15': (random) => () => 1e15 * normal(random),
};

function convolution(name, sizes, random, patterns) {
  const [images, inChannels, height, width, outChannels, kernel, stride, padding] = sizes;
  const windows = (size) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const outputs = images * outChannels * windows(height) * windows(width);
  return {
    operation: 'convolution',
    name,
    sizes,
    inputs: [
      floats(images * inChannels * height * width, patterns[0]),
      floats(outChannels * inChannels * kernel ** 2, patterns[1]),
      floats(outChannels, patterns[0]),
      floats(outputs, patterns[2]),
    ],
  };
}

function pooling(operation, name, sizes, random, patterns) {
  const [planes, height, width, kernel, stride, padding] = sizes;
  const windows = (size) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return {
    operation,
    name,
    sizes,
    inputs: [
      floats(planes * height * width, patterns[0]),
      floats(planes * windows(height) * windows(width), patterns[1]),
    ],
  };
}

/** softmax, logSoftmax and crossEntropy of the same logits. */
function* classifications(name, [rows, columns], random, logit) {
  const x = floats(rows * columns, logit);
  const sizes = [rows, columns];
  const dy = floats(rows * columns, () => normal(random));
  yield { operation: 'softmax', name, sizes, inputs: [x, dy] };
  yield { operation: 'logSoftmax', name, sizes, inputs: [x, dy] };
  // Mostly the most likely class.
  const classes = floats(rows, (row) => {
    const logits = x.subarray(row * columns, (row + 1) * columns);
    return random() < 0.8 ? logits.indexOf(Math.max(...logits)) : below(random, columns);
  });
  yield { operation: 'crossEntropy', name, sizes, inputs: [x, classes] };
}

const activations = ['exp', 'log', 'sigmoid', 'tanh', 'gelu'];

function activation(operation, name, random, value) {
  const n = 4000;
  const ofLog = (each) => (operation === 'log' ? Math.abs(each) : each);
  const ofExp = (each) => (operation === 'exp' ? Math.min(88.7, each) : each);
  const x = floats(n, (i) => ofExp(ofLog(value(i))));
  return { operation, name, sizes: [n], inputs: [x, floats(n, () => normal(random))] };
}

/** `count` of each operation. */
export function* randomCases(count) {
  for (let index = 0; index < count; index++) {
    const random = seeded(0xc0de + index);
    const name = `random ${index}`;
    const pattern = () => oneOf(random, ordinary)(random);
    const kernel = 1 + below(random, 5);
    const stride = 1 + below(random, 3);
    const padding = below(random, Math.floor(kernel / 2) + 1);
    const side = () => Math.max(kernel, 1 + below(random, 24));
    const sizes = [
      1 + below(random, 4),
      1 + below(random, 40),
      side(),
      side(),
      1 + below(random, 20),
      kernel,
      stride,
      padding,
    ];
    yield convolution(name, sizes, random, [pattern(), pattern(), pattern()]);
    for (const operation of ['maxPool', 'avgPool']) {
      const planes = [1 + below(random, 20), side(), side(), kernel, stride, padding];
      yield pooling(operation, name, planes, random, [pattern(), pattern()]);
    }
    const width = power(random, -1, 1.3);
    const offset = random() < 0.5 ? 0 : 100 * normal(random);
    const logits = [1 + below(random, 30), 2 + below(random, 200)];
    yield* classifications(name, logits, random, () => offset + width * normal(random));
    const spread = power(random, -3, 1.5);
    for (const operation of activations) {
      yield activation(operation, name, random, () => spread * normal(random));
    }
  }
}

const convolutionSizes = [
  [2, 16, 16, 16, 16, 3, 1, 1],
  [1, 600, 5, 5, 4, 3, 1, 1], // 5,400 terms per value
  [16, 2, 64, 64, 2, 3, 1, 1], // 65,536 terms per weight gradient
  [2, 8, 15, 15, 8, 5, 2, 2],
  [2, 64, 8, 8, 32, 1, 1, 0],
];

/** Logits in which one class exceeds the others by the given amount. */
const certain = (random, margin) => (i) => (i % 10 === 3 ? margin : 0) + 0.1 * normal(random);

const logitPatterns = {
  'nearly certain, by 10': [[50, 10], (random) => certain(random, 10)],
  'nearly certain, by 17': [[50, 10], (random) => certain(random, 17)],
  'nearly certain, by 20': [[50, 10], (random) => certain(random, 20)],
  'all equal': [[2, 10000], () => () => 3],
  '1e4 + N(0, 1)': [[20, 100], (random) => () => 1e4 + normal(random)],
  '−1e6 + N(0, 1)': [[20, 100], (random) => () => normal(random) - 1e6],
  'N(0, 30): probabilities down to 0': [[20, 100], (random) => () => 30 * normal(random)],
  '100,000 classes': [[1, 100000], (random) => () => normal(random)],
  'both signs of 1e30': [[20, 10], (random) => () => 1e30 * normal(random)],
};

const activationPatterns = {
  '−104 … 89': () => (i) => -104 + (193 * i) / 4000,
  '−12 … 12': () => (i) => -12 + (24 * i) / 4000,
  'around 0': (random) => () => signed(random) * power(random, -8, 0),
  'around 1': (random) => () => 1 + signed(random) * power(random, -7, -1),
  'every exponent': (random) => () => signed(random) * power(random, -44, 38),
  'around ln 2 and its multiples': (random) => (i) => Math.LN2 * ((i % 40) - 20 + 1e-6 * normal(random)),
};

export function* adversarialCases() {
  const random = seeded(0xbad);
  for (const [name, pattern] of Object.entries(adversarial)) {
    const weights = ordinary[0](random);
    for (const sizes of convolutionSizes) {
      yield convolution(name, sizes, random, [pattern(random), weights, pattern(random)]);
      yield convolution(`${name}, weights ±1`, sizes, random, [
        pattern(random),
        (i) => (i % 2 === 0 ? 1 : -1),
        ordinary[0](random),
      ]);
    }
    for (const sizes of [
      [8, 33, 33, 3, 2, 1],
      [4, 30, 30, 5, 1, 2],
      [2, 60, 60, 20, 7, 10],
    ]) {
      for (const operation of ['maxPool', 'avgPool']) {
        yield pooling(operation, name, sizes, random, [pattern(random), pattern(random)]);
      }
    }
  }
  for (const [name, [sizes, pattern]] of Object.entries(logitPatterns)) {
    yield* classifications(name, sizes, random, pattern(random));
  }
  for (const [name, pattern] of Object.entries(activationPatterns)) {
    for (const operation of activations) {
      yield activation(operation, name, random, pattern(random));
    }
  }
}
