import { randomFrom, randomTensor, tf } from './backends.mjs';

const image = [2, 6, 5, 3];
const row = [4, 7];

/** Functions of tensors with the given shapes, whose result is reduced to a scalar with unequal weights. */
export const functions = {
  relu: [[row], (x) => tf.relu(x)],
  'relu of planes': [[image, [3, 3, 3, 2]], (x, w) => tf.relu(tf.conv2d(x, w, 1, 'same'))],
  relu6: [[image, [3, 3, 3, 2]], (x, w) => tf.relu6(tf.mul(tf.conv2d(x, w, 1, 'same'), 2))],
  elu: [[row], (x) => tf.elu(x)],
  leakyRelu: [[row], (x) => tf.leakyRelu(x, 0.3)],
  prelu: [[row, [7]], (x, a) => tf.prelu(x, a)],
  sigmoid: [[row], (x) => tf.sigmoid(x)],
  tanh: [[image, [1, 1, 3, 4]], (x, w) => tf.tanh(tf.conv2d(x, w, 1, 'valid'))],
  softmax: [[row], (x) => tf.softmax(x)],
  logSoftmax: [[row], (x) => tf.logSoftmax(x)],
  'sum of some axes': [[image], (x) => tf.square(tf.sum(x, [0, 2]))],
  'mean of planes': [[image, [3, 3, 3, 2]], (x, w) => tf.square(tf.mean(tf.conv2d(x, w, 2, 'same'), [1, 2]))],
  'mean with sizes kept': [[row], (x) => tf.mul(x, tf.mean(x, -1, true))],
  max: [[row], (x) => tf.max(x, 1)],
  matMul: [[row, [7, 3]], (a, b) => tf.matMul(a, b)],
  'matMul, transposed': [[row, [5, 7]], (a, b) => tf.matMul(a, b, false, true)],
  'matMul of batches': [
    [
      [3, 2, 4],
      [1, 4, 2],
    ],
    (a, b) => tf.matMul(a, b),
  ],
  'conv2d, strides': [[image, [3, 2, 3, 4]], (x, w) => tf.conv2d(x, w, [2, 1], 'valid')],
  'conv2d, uneven padding': [[image, [4, 4, 3, 2]], (x, w) => tf.conv2d(x, w, 2, 'same')],
  'conv2d of pixels': [[image, [1, 1, 3, 4]], (x, w) => tf.conv2d(x, w, 1, 'same')],
  conv2dTranspose: [
    [
      [2, 3, 3, 2],
      [3, 3, 3, 2],
    ],
    (x, w) => tf.conv2dTranspose(x, w, [2, 6, 6, 3], 2, 'same'),
  ],
  depthwiseConv2d: [[image, [3, 3, 3, 2]], (x, w) => tf.depthwiseConv2d(x, w, 1, 'same')],
  separableConv2d: [
    [image, [3, 3, 3, 2], [1, 1, 6, 4]],
    (x, depthwise, pointwise) => tf.separableConv2d(x, depthwise, pointwise, 2, 'same'),
  ],
  maxPool: [[image], (x) => tf.maxPool(x, 3, 2, 'same')],
  avgPool: [[image], (x) => tf.avgPool(x, [2, 3], 2, 'same')],
  batchNorm: [
    [image, [3], [3], [3], [3]],
    (x, mean, variance, offset, scale) =>
      tf.batchNorm(x, mean, tf.add(tf.square(variance), 0.5), offset, scale),
  ],
  'batchNorm with statistics of the batch': [
    [image, [3, 3, 3, 2], [2], [2]],
    (x, w, offset, scale) => {
      const planes = tf.conv2d(x, w, 1, 'same');
      const { mean, variance } = tf.moments(planes, [0, 1, 2]);
      return tf.batchNorm(planes, mean, variance, offset, scale, 1e-3);
    },
  ],
  'batchNorm of flattened planes': [
    [image, [3, 3, 3, 2], [60], [60]],
    (x, w, offset, scale) => {
      const rows = tf.reshape(tf.conv2d(x, w, 1, 'same'), [2, 60]);
      return tf.batchNorm(rows, tf.mean(rows, 0), tf.ones([60]), offset, scale, 1e-3);
    },
  ],
  broadcasting: [
    [image, [3], [6, 1, 3]],
    (x, a, b) => tf.div(tf.mul(tf.sub(a, x), b), tf.add(tf.square(a), 1)),
  ],
  'slice, concat and pad': [
    [image],
    (x) =>
      tf.concat(
        [
          tf.pad(x, [
            [0, 0],
            [1, 0],
            [0, 2],
            [0, 0],
          ]),
          tf.slice(tf.tile(x, [1, 2, 2, 1]), [0, 0, 1, 0], [2, 7, 7, 3]),
        ],
        3,
      ),
  ],
  'transpose and gather': [[row], (x) => tf.gather(tf.transpose(x), tf.tensor1d([3, 0, 3], 'int32'))],
  clipByValue: [[row], (x) => tf.clipByValue(x, -0.5, 0.75)],
  'layer normalization': [
    [row],
    (x) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3)));
    },
  ],
};

export function inputs(shapes) {
  const random = randomFrom(7);
  return shapes.map((shape) => randomTensor(random, shape));
}

export const weighted = (y) => tf.sum(tf.mul(y, tf.reshape(tf.linspace(0.5, 1.5, y.size), y.shape)));
