import { tf } from './backends.mjs';

export const unary = {
  ...{ abs: tf.abs, elu: tf.elu, exp: tf.exp, log: tf.log, neg: tf.neg, relu: tf.relu, relu6: tf.relu6 },
  ...{ reciprocal: tf.reciprocal, rsqrt: tf.rsqrt, sigmoid: tf.sigmoid, sqrt: tf.sqrt, square: tf.square },
  ...{ step: tf.step, tanh: tf.tanh, leakyRelu: tf.leakyRelu, erf: tf.erf, sign: tf.sign },
  clip: (x) => tf.clipByValue(x, -1, 6),
  'step with a slope': (x) => tf.step(x, 0.5),
  toInt: (x) => tf.cast(tf.clipByValue(tf.where(tf.isFinite(x), x, tf.zerosLike(x)), -1e6, 1e6), 'int32'),
};

export const binary = {
  ...{ add: tf.add, sub: tf.sub, mul: tf.mul, div: tf.div, maximum: tf.maximum, minimum: tf.minimum },
  ...{ squaredDifference: tf.squaredDifference, prelu: tf.prelu, less: tf.less, lessEqual: tf.lessEqual },
  ...{
    greater: tf.greater,
    greaterEqual: tf.greaterEqual,
    equal: tf.equal,
    notEqual: tf.notEqual,
    pow: tf.pow,
  },
};

export const reductions = {
  ...{ sum: tf.sum, mean: tf.mean, max: tf.max, min: tf.min, argMax: tf.argMax, argMin: tf.argMin },
};
