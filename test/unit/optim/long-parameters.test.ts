import {
  Adam,
  backward,
  type CanUpdateWithGradients,
  type Gradients,
  RMSprop,
  Sgd,
  Tensor,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

interface Optimizer {
  update(module: CanUpdateWithGradients, gradients: Gradients): void;
}

const optimizers: Readonly<Record<string, () => Optimizer>> = {
  'Sgd with momentum': () => new Sgd({ lr: 0.1, momentum: 0.9 }),
  'Sgd with Nesterov momentum': () => new Sgd({ lr: 0.1, momentum: { nesterov: 0.9 } }),
  Adam: () => new Adam({ lr: 0.1 }),
  'Adam with AMSGrad': () => new Adam({ lr: 0.1, amsgrad: true }),
  'RMSprop, centered with momentum': () => new RMSprop({ lr: 0.1, momentum: 0.9, centered: true }),
};

/** Several chunks of a thread, 32,768 values each, and a partial one. */
const length = 100_003;
const gradient = values(seeded(1), length);
const start = values(seeded(2), length);

/** A parameter after three steps, from slices of its values and its gradient. */
function afterSteps(optimizer: Optimizer, begin: number, end: number): Float32Array {
  const size = end - begin;
  const w = Tensor.from(start.subarray(begin, end), [size]);
  const x = Tensor.from(gradient.subarray(begin, end), [size]);
  const module: CanUpdateWithGradients = {
    parameters: () => [['w', w]],
    update: (provider, unused) => updateParameter(w, provider, unused),
  };
  for (let step = 1; step <= 3; step++) {
    optimizer.update(module, backward(x.trace().mul(w).mul(step).sum()));
  }
  return w.data;
}

describe('a long parameter is updated like its parts:', () => {
  for (const [name, make] of Object.entries(optimizers)) {
    it(name, () => {
      const whole = afterSteps(make(), 0, length);
      // Multiples of the widest vector, so that the parts consist of the same vectors as the whole.
      for (let begin = 0; begin < length; begin += 4096) {
        const end = Math.min(length, begin + 4096);
        expect(whole.subarray(begin, end), `from ${begin} on`).to.deep.equal(afterSteps(make(), begin, end));
      }
    });
  }
});
