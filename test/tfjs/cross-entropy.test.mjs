// The loss that `{ fuseLayers: true }` computes with one kernel, against that of TensorFlow.js on the cpu backend.
import { expect } from 'chai';
import { difference, on, registration, requireSame, tf } from './support/backends.mjs';

describe('the fused categorical cross entropy', () => {
  const compiled = (loss, outputs = 1) => {
    const input = tf.input({ shape: [4] });
    const heads = Array.from({ length: outputs }, (_, i) =>
      tf.layers.dense({ units: 3, name: `head${outputs}${i}` }).apply(input),
    );
    const net = tf.model({ inputs: input, outputs: heads });
    net.compile({ optimizer: 'sgd', loss });
    return net;
  };
  const cases = {
    'one-hot targets': [
      [0, 1, 0],
      [1, 0, 0],
    ],
    'soft targets': [
      [0.2, 0.3, 0.5],
      [2, 0, -1],
    ],
    'targets of zeros': [
      [0, 0, 0],
      [0, 0, 0],
    ],
  };
  const outputs = {
    probabilities: [
      [0.2, 0.5, 0.3],
      [0.9, 0.05, 0.05],
    ],
    'numbers with another sum': [
      [1, 3, 2],
      [0.1, 0.2, 0.4],
    ],
    'zeros and ones, which are clipped': [
      [1, 0, 0],
      [0, 0, 1],
    ],
    'an infinity and NaN': [
      [Infinity, 1, 1],
      [NaN, 0.5, 0.5],
    ],
    'a sum of zero': [
      [0, 0, 0],
      [1, -1, 0],
    ],
  };
  for (const [targetName, target] of Object.entries(cases)) {
    for (const [outputName, output] of Object.entries(outputs)) {
      it(`of ${outputName} with ${targetName} as the composed one`, () => {
        const [loss] = compiled('categoricalCrossentropy').lossFunctions;
        const results = (backend) =>
          on(backend, () => {
            const [y, x] = [tf.tensor2d(target), tf.tensor2d(output)];
            const weighted = (t, p) => tf.sum(tf.mul(loss(t, p), tf.tensor1d([1, -2])));
            return [loss(y, x), ...tf.grads(weighted)([y, x])];
          });
        const expected = results('cpu');
        registration.resetCalls();
        const actual = results('batchnorm');
        expect(registration.calls()).to.include.keys(
          'BatchnormCrossEntropy',
          'BatchnormCrossEntropyGradient',
        );
        // Clipped outputs make gradients of 1e7.
        expect(difference(actual, expected, 1e-5)).to.equal(undefined);
      });
    }
  }

  it('is fused for each output that has it, and nowhere else', () => {
    const name = 'categoricalCrossentropy';
    const isFused = (net) => {
      tf.setBackend('batchnorm');
      return net.lossFunctions.map((loss) => {
        registration.resetCalls();
        tf.tidy(() => void loss(tf.tensor2d([[0, 1, 0]]), tf.tensor2d([[0.2, 0.3, 0.5]])));
        return registration.calls().BatchnormCrossEntropy !== undefined;
      });
    };
    expect(isFused(compiled([name, 'meanSquaredError'], 2))).to.deep.equal([true, false]);
    expect(isFused(compiled({ head20: 'meanSquaredError', head21: name }, 2))).to.deep.equal([false, true]);
    expect(isFused(compiled(name, 2))).to.deep.equal([true, true]);
    expect(isFused(compiled((y, p) => tf.mean(tf.sub(y, p), -1)))).to.deep.equal([false]);
  });

  it('takes targets of whole numbers, and other shapes as the composed one', () => {
    const [loss] = compiled('categoricalCrossentropy').lossFunctions;
    requireSame(() => {
      const output = tf.tensor2d([
        [0.2, 0.5, 0.3],
        [0.1, 0.2, 0.7],
      ]);
      const whole = tf.tensor2d([0, 1, 0, 0, 0, 1], [2, 3], 'int32');
      return [
        loss(whole, output),
        loss(tf.cast(whole, 'bool'), output),
        loss(tf.tensor1d([0, 1, 0]), output),
      ];
    }, 1e-6);
  });
});
