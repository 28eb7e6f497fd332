// Random programs: each step applies an operation to tensors of earlier steps. A program is a function of a seed alone, so
// that two backends can run the same one.
import { randomFrom, sizeOf, tf } from './backends.mjs';

const maxSize = 3000;

/** A tensor of numbers in [-range, range) that follow from a number of the program and from `random.data`. */
function randomTensor(random, shape, range = 2) {
  const numbers = randomFrom(Math.floor(random() * 2 ** 31) + random.data * 7919);
  return tf.tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => (2 * numbers() - 1) * range),
    shape,
  );
}

/** A random choice from a list. */
const pick = (random, list) => list[Math.floor(random() * list.length)];
const integer = (random, min, max) => min + Math.floor(random() * (max - min + 1));

/** Keeps values in a range in which float32 is accurate to 1e-4 after many steps. */
const tame = (x) => tf.mul(tf.tanh(tf.mul(x, 0.5)), 2);

const unary = [
  ...[tf.relu, tf.relu6, tf.elu, tf.sigmoid, tf.tanh, tf.neg, tf.abs, tf.square, tf.leakyRelu],
  (x) => tf.exp(tame(x)),
  (x) => tf.log(tf.add(tf.abs(x), 0.5)),
  (x) => tf.sqrt(tf.add(tf.abs(x), 0.5)),
  (x) => tf.rsqrt(tf.add(tf.abs(x), 0.5)),
  (x) => tf.clipByValue(x, -0.7, 1.1),
  (x) => tf.step(tf.add(x, 0.123)),
  (x) => tf.sin(x),
  (x) => tf.softplus(x),
  (x) => tf.erf(x),
];

const binary = [
  ...[tf.add, tf.sub, tf.mul, tf.maximum, tf.minimum, tf.squaredDifference],
  (a, b) => tf.div(a, tf.add(tf.abs(b), 0.5)),
  (a, b) => tf.sub(b, a),
  (a, b) => tf.where(tf.greater(a, b), a, tf.mul(b, 2)),
  (a, b) => tf.mul(tf.cast(tf.less(a, b), 'float32'), a),
  (a, b) => tf.prelu(a, b),
];

/** A shape that broadcasts to another one. */
function broadcastable(random, shape) {
  const rank = integer(random, 0, shape.length);
  return shape.slice(shape.length - rank).map((size) => (random() < 0.5 ? size : 1));
}

/** Steps for any tensor. */
const general = [
  (x, random) => pick(random, unary)(x),
  (x, random) => pick(random, unary)(x),
  (x, random) => pick(random, binary)(x, randomTensor(random, x.shape)),
  (x, random) => pick(random, binary)(x, randomTensor(random, broadcastable(random, x.shape))),
  (x, random) => pick(random, binary)(x, tf.scalar(random() + 0.1)),
  (x, random) =>
    pick(random, [tf.add, tf.mul, tf.sub])(randomTensor(random, broadcastable(random, x.shape)), x),
  (x, random, earlier) => {
    const same = earlier.filter((each) => String(each.shape) === String(x.shape));
    return pick(random, binary)(x, pick(random, same));
  },
  (x, random) => {
    const axes = x.shape.map((_, axis) => axis).filter(() => random() < 0.5);
    return pick(random, [tf.sum, tf.mean, tf.max, tf.min])(
      x,
      axes.length > 0 ? axes : undefined,
      random() < 0.5,
    );
  },
  (x) => tf.clone(x),
  // Reading in between, as programs do that log.
  (x) => {
    x.dataSync();
    return tf.add(x, 0.25);
  },
  // Not 1.5: tamed values crowd at 2, whose product would be an integer.
  (x) => tf.cast(tf.cast(tf.mul(x, 1.37), 'int32'), 'float32'),
  (x) => tf.addN([x, x, tf.neg(x)]),
  (x) => tf.reshape(x, [x.size]),
];

/** Steps for tensors with at least one axis. */
const ranked = [
  (x, random) => tf.transpose(x, shuffled(random, [...x.shape.keys()])),
  (x, random) => {
    const axis = integer(random, 0, x.rank - 1);
    return tf.concat([x, randomTensor(random, x.shape), x], axis);
  },
  (x, random) => {
    const begin = x.shape.map((size) => integer(random, 0, size - 1));
    return tf.slice(
      x,
      begin,
      x.shape.map((size, axis) => integer(random, 1, size - begin[axis])),
    );
  },
  (x, random) =>
    tf.pad(
      x,
      x.shape.map(() => [integer(random, 0, 1), integer(random, 0, 2)]),
      pick(random, [0, 0.5]),
    ),
  (x, random) =>
    tf.tile(
      x,
      x.shape.map(() => integer(random, 1, 2)),
    ),
  (x, random) => tf.stack([x, tf.mul(x, 2)], integer(random, 0, x.rank)),
  (x, random) => pick(random, tf.unstack(x, integer(random, 0, x.rank - 1))),
  (x, random) => tf.reverse(x, integer(random, 0, x.rank - 1)),
  (x) => tf.softmax(x),
  (x, random) => {
    const channels = x.shape[x.rank - 1];
    const rows = tf.reshape(x, [x.size / channels, channels]);
    const { mean, variance } = tf.moments(rows, 0);
    return tf.batchNorm(
      rows,
      mean,
      variance,
      randomTensor(random, [channels], 1),
      randomTensor(random, [channels], 1),
      0.01,
    );
  },
  (x, random) =>
    tf.gather(
      x,
      tf.tensor1d(
        Array.from({ length: 3 }, () => integer(random, 0, x.shape[0] - 1)),
        'int32',
      ),
    ),
  (x, random) => {
    const columns = integer(random, 1, 5);
    const depth = x.shape[x.rank - 1];
    const rows = tf.reshape(x, [x.size / depth, depth]);
    const transposed = random() < 0.5;
    return tf.matMul(
      rows,
      randomTensor(random, transposed ? [columns, depth] : [depth, columns], 0.7),
      false,
      transposed,
    );
  },
  (x, random) => {
    const columns = x.shape[x.rank - 1];
    const a = tf.reshape(x, [x.size / columns, columns]);
    return random() < 0.5 ? tf.matMul(a, a, true, false) : tf.matMul(a, a, false, true);
  },
];

/** Steps for images. */
const images = [
  (x, random) => convolution(x, random),
  (x, random) => convolution(x, random),
  (x, random) => convolution(x, random),
  (x, random) => {
    const filter = randomTensor(
      random,
      [integer(random, 1, 3), integer(random, 1, 3), x.shape[3], integer(random, 1, 2)],
      0.6,
    );
    return tf.depthwiseConv2d(x, filter, integer(random, 1, 2), 'same');
  },
  (x, random) => {
    const size = [Math.min(integer(random, 1, 3), x.shape[1]), Math.min(integer(random, 1, 3), x.shape[2])];
    const pool = pick(random, [tf.maxPool, tf.avgPool]);
    return pool(x, size, integer(random, 1, 2), pick(random, ['same', 'valid']));
  },
  (x, random) => {
    const perChannel = () => randomTensor(random, [x.shape[3]], 1);
    const variance = tf.add(tf.abs(perChannel()), 0.3);
    return tf.batchNorm(x, perChannel(), variance, perChannel(), perChannel(), 1e-3);
  },
  (x, random) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(x, mean, variance, randomTensor(random, [x.shape[3]], 1), undefined, 0.01);
  },
  (x, random) => pick(random, [tf.add, tf.mul, tf.sub])(x, randomTensor(random, [x.shape[3]], 1)),
  (x, random) => {
    const filters = integer(random, 1, 4);
    const filter = randomTensor(random, [1, 1, x.shape[3], filters], 0.6);
    const activation = pick(random, ['relu', 'relu6', 'elu', 'sigmoid', 'linear']);
    const bias = randomTensor(random, [filters], 1);
    return tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation });
  },
  (x) => tf.mean(x, [1, 2]),
  (x) => tf.reshape(x, [x.shape[0], x.size / x.shape[0]]),
  (x, random) =>
    tf.image.resizeBilinear(x, [integer(random, 1, 7), integer(random, 1, 7)], ...resizing(random)),
  (x, random) => {
    const begin = x.shape.map((size) => integer(random, 0, size - 1));
    const end = x.shape.map((size, axis) => integer(random, begin[axis] + 1, size));
    return tf.stridedSlice(
      x,
      begin,
      end,
      x.shape.map(() => integer(random, 1, 3)),
    );
  },
];

/** Values of alignCorners and halfPixelCenters, which exclude each other. */
function resizing(random) {
  return pick(random, [[], [true, false], [false, true]]);
}

function convolution(x, random) {
  const [, height, width, channels] = x.shape;
  const same = random() < 0.6;
  const kernel = (size) => integer(random, 1, same ? 4 : Math.min(4, size));
  const filter = randomTensor(random, [kernel(height), kernel(width), channels, integer(random, 1, 5)], 0.5);
  return tf.conv2d(x, filter, [integer(random, 1, 2), integer(random, 1, 2)], same ? 'same' : 'valid');
}

function shuffled(random, list) {
  return list
    .map((value) => [random(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

const isImage = (x) => x.rank === 4 && x.size > 0;

function step(x, random, earlier) {
  const kinds = [general, ...(x.rank > 0 ? [ranked] : []), ...(isImage(x) ? [images, images] : [])];
  const y = pick(random, pick(random, kinds))(x, random, earlier);
  return y.size > maxSize || y.rank > 5
    ? tf.reshape(tf.slice(tf.reshape(y, [y.size]), 0, 48), [2, 4, 3, 2])
    : y;
}

/** The tensor from which a program begins: usually an image. */
function begin(random) {
  const rank = pick(random, [0, 1, 2, 3, 4, 4, 4, 4, 5]);
  return randomTensor(
    random,
    Array.from({ length: rank }, () => integer(random, 1, rank === 4 ? 6 : 4)),
  );
}

/** @returns a function that runs the program of `structure` on numbers of `data`, and all tensors that it made. */
export function chain(structure, data) {
  return () => {
    const random = mixed(structure, data);
    const tensors = [begin(random)];
    const steps = integer(random, 3, 14);
    const run = () => {
      for (let i = 0; i < steps; i++) {
        const x = random() < 0.7 ? tensors[tensors.length - 1] : pick(random, tensors);
        tensors.push(tf.tidy(() => tame(step(x, random, tensors))));
        // Gives memory back in the middle, which later steps take.
        if (random() < 0.15 && tensors.length > 3)
          tensors.splice(integer(random, 1, tensors.length - 2), 1)[0].dispose();
      }
    };
    run();
    return tensors;
  };
}

/** The gradient of a program with respect to its first tensor. */
export function chainGradient(structure, data) {
  return () => {
    const random = mixed(structure, data);
    const first = begin(random);
    const steps = integer(random, 2, 7);
    const seed = Math.floor(random() * 2 ** 32);
    const compute = (x) => {
      const inner = mixed(seed, data);
      let y = x;
      for (let i = 0; i < steps; i++) y = tame(step(y, inner, [y]));
      return tf.sum(tf.mul(y, tf.reshape(tf.linspace(0.5, 1.5, y.size), y.shape)));
    };
    return [compute(first), tf.grad(compute)(first)];
  };
}

/** The choices of a program, with the number from which those of its tensors follow, too. */
function mixed(structure, data) {
  const random = randomFrom(structure);
  random.data = data;
  return random;
}
