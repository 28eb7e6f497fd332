// The convolutional network of TensorFlow.js's MNIST example, and tensors of images for it.

/** A network for images [N, 28, 28, 1] of ten digits, which is not compiled yet. */
export function digitsNetwork(tf) {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

/** Pixels between 0 and 1, [N, 28, 28, 1], and one-hot classes. */
export function tensorsOf(tf, { count, rows, columns, pixels, labels }) {
  return tf.tidy(() => [
    tf.div(tf.tensor4d(Float32Array.from(pixels), [count, rows, columns, 1]), 255),
    tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), 10).toFloat(),
  ]);
}
