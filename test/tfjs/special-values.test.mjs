import { requireSame, tf } from './support/backends.mjs';
import { binary, reductions, unary } from './support/operations.mjs';

const special = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -2.5, 6, 7, 1e30, -1e30, 1e-40, 88, -104];

/** Shapes of rank 0 to 6, also without elements. */
const shapes = [
  [],
  [0],
  [1],
  [5],
  [2, 0, 3],
  [3, 4],
  [2, 1, 3],
  [1, 2, 3, 4],
  [2, 2, 1, 2, 3],
  [1, 2, 1, 2, 1, 3],
];

/** Values for which the order of terms does not matter. */
const ordinary = (shape, shift = 0) => {
  const size = shape.reduce((product, each) => product * each, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => (((i * 7) % 11) - 5 + shift) / 4),
    shape,
  );
};

describe('special values and shapes on our backend', () => {
  for (const [name, compute] of Object.entries(unary)) {
    it(`${name} of NaN, infinities and zeros as on cpu`, () =>
      requireSame(() => compute(tf.tensor1d(special)), 1e-5));
  }

  for (const [name, compute] of Object.entries(binary)) {
    it(`${name} of every pair as on cpu`, () =>
      requireSame(() => {
        const rows = special.flatMap((value) => special.map(() => value));
        const columns = special.flatMap(() => special);
        const [a, b] = [tf.tensor1d(rows), tf.tensor1d(columns)];
        return [compute(a, b), compute(tf.reshape(a, [16, 16]), tf.tensor1d(special))];
      }, 1e-5));
    it(`${name} of a number and a tensor as on cpu`, () =>
      requireSame(
        () =>
          special.flatMap((value) => [
            compute(tf.scalar(value), tf.tensor1d(special)),
            compute(tf.tensor1d(special), tf.scalar(value)),
          ]),
        1e-5,
      ));
  }

  for (const [name, compute] of Object.entries(reductions)) {
    it(`${name} with NaN and infinities as on cpu`, () =>
      requireSame(() => {
        const tables = [
          [NaN, 1, 2],
          [1, NaN, 2],
          [Infinity, 1, NaN],
          [-Infinity, -Infinity, 1],
          [Infinity, 1, -1],
          [3, 3, 1],
        ];
        return [compute(tf.tensor2d(tables), 0), compute(tf.tensor2d(tables), 1)];
      }, 1e-5));
  }

  for (const shape of shapes) {
    it(`everything of shape [${shape}] as on cpu`, () =>
      requireSame(() => {
        const [a, b] = [ordinary(shape), ordinary(shape, 0.5)];
        const axes = shape.length === 0 ? [] : [0, shape.length - 1];
        const perAxis = axes.flatMap((axis) => [
          ...[tf.sum(a, axis), tf.mean(a, axis, true), tf.concat([a, b], axis), tf.stack([a, b], axis)],
          tf.reverse(a, axis),
        ]);
        // Extrema of nothing do not exist.
        const ofValues = a.size === 0 ? [] : axes.flatMap((axis) => [tf.max(a, axis), tf.argMin(a, axis)]);
        return [
          ...[...Object.values(unary).map((f) => f(a)), ...Object.values(binary).map((f) => f(a, b))],
          ...[
            tf.sum(a),
            tf.transpose(a),
            tf.clone(a),
            tf.tile(
              a,
              shape.map((_, axis) => 1 + (axis % 2)),
            ),
          ],
          ...[
            tf.pad(
              a,
              shape.map(() => [1, 0]),
              0.5,
            ),
            ...perAxis,
            ...ofValues,
          ],
        ];
      }));
  }

  for (const dtype of ['int32', 'bool', 'complex64']) {
    it(`${dtype} tensors as on cpu`, () =>
      requireSame(() => {
        const values = Float32Array.from({ length: 24 }, (_, i) => (dtype === 'bool' ? i % 2 : i - 7));
        const x =
          dtype === 'complex64'
            ? tf.complex(tf.tensor(values, [2, 3, 4]), tf.tensor(values, [2, 3, 4]))
            : tf.tensor(Array.from(values), [2, 3, 4], dtype);
        const moved = [
          tf.reshape(x, [6, 4]),
          tf.slice(x, [0, 1, 1], [2, 2, 2]),
          tf.concat([x, x], 1),
          tf.transpose(x),
        ];
        if (dtype === 'complex64') return [...moved, tf.add(x, x), tf.mul(x, x), tf.real(x), tf.imag(x)];
        const float = tf.cast(x, 'float32');
        const pieces = [
          tf.gather(x, [1, 0]),
          tf.tile(x, [1, 2, 1]),
          tf.sum(x, 1),
          tf.add(float, float),
          tf.relu(float),
        ];
        return [...moved, ...pieces, tf.matMul(tf.reshape(float, [6, 4]), tf.reshape(float, [4, 6]))];
      }));
  }

  it('NaN in the windows of pooling as on cpu', () =>
    requireSame(() => {
      const x = tf.tensor4d(
        [NaN, 1, 2, 3, 4, NaN, NaN, NaN, -Infinity, 0, Infinity, 1, 5, 6, 7, 8],
        [1, 4, 4, 1],
      );
      const pooled = (x) => tf.maxPool(x, 2, 2, 'valid');
      return [pooled(x), tf.grad((x) => tf.sum(pooled(x)))(x)];
    }));

  it('the gradient of pooling goes to the first of equal values as on cpu', () =>
    requireSame(() => {
      const pooled = (x) => tf.mul(tf.maxPool(x, 3, 2, 'same'), tf.range(1, 13).reshape([1, 2, 2, 3]));
      return tf.grad((x) => tf.sum(pooled(x)))(tf.ones([1, 4, 4, 3]));
    }));
});
