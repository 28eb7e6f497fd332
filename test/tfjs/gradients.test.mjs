import { expect } from 'chai';
import { on, registration, requireSame, tf } from './support/backends.mjs';
import { functions, inputs, weighted } from './support/functions.mjs';

// TensorFlow.js has no gradients of these gradients.
const refused = [
  ...['relu6', 'elu', 'leakyRelu', 'prelu', 'clipByValue', 'max', 'maxPool', 'avgPool'],
  ...['depthwiseConv2d', 'separableConv2d'],
];

describe('gradients on our backend', () => {
  for (const [name, [shapes, compute]] of Object.entries(functions)) {
    it(`${name}: as on cpu`, () => {
      requireSame(() => {
        const xs = inputs(shapes);
        return tf.grads((...args) => weighted(compute(...args)))(xs);
      });
    });

    it(`${name}: of second order ${refused.includes(name) ? 'refused' : 'as'} on cpu`, () => {
      const isRefused = requireSame(() => {
        const [x, ...rest] = inputs(shapes);
        const first = (each) => tf.grad((value) => weighted(tf.square(compute(value, ...rest))))(each);
        const second = tf.grad((each) => weighted(tf.square(first(each))));
        return [first(x), second(x)];
      });
      expect(isRefused).to.equal(refused.includes(name));
    });
  }

  it('delegate to the original ones on other backends', () => {
    registration.resetCalls();
    on('cpu', () => tf.grad((x) => tf.sum(tf.relu(x)))(tf.tensor1d([1, -1])));
    expect(registration.calls()).to.deep.equal({});
  });

  it('are those of one kernel where nothing records them', () => {
    registration.resetCalls();
    on('batchnorm', () => tf.grad((x) => tf.sum(tf.relu(x)))(tf.tensor1d([1, -1])));
    expect(registration.calls())
      .to.have.property('BatchnormReluGradient')
      .that.deep.equals({ native: 1, javascript: 0 });
  });
});
