import {
  backward,
  type CanUpdateWithGradients,
  RMSprop,
  type RMSpropOptions,
  Tensor,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { afterSteps } from '../../support/parameter.js';
import { seeded, values } from '../../support/random.js';

const gradient = [3, 5];

/** RMSprop's formulas in float64. */
function expected(options: RMSpropOptions, steps: number) {
  const { lr = 0.01, alpha = 0.9, epsilon = 1e-8, momentum = 0, centered = false } = options;
  const l2 = typeof options.weightDecay === 'number' ? options.weightDecay : 0;
  const decoupled = typeof options.weightDecay === 'object' ? options.weightDecay.decoupled : 0;
  return [1, -2].map((start, i) => {
    let [p, square, mean, velocity] = [start, 1, 0, 0];
    for (let t = 1; t <= steps; t++) {
      const g = gradient[i] + l2 * p;
      square = alpha * square + (1 - alpha) * g ** 2;
      mean = alpha * mean + (1 - alpha) * g;
      const variance = centered ? square - mean ** 2 : square;
      velocity = momentum * velocity + g / Math.sqrt(variance + epsilon);
      p -= lr * velocity + lr * decoupled * p;
    }
    return p;
  });
}

describe('RMSprop', () => {
  const cases: Record<string, RMSpropOptions> = {
    "dfdx's defaults": {},
    'learning rate, alpha and epsilon': { lr: 0.1, alpha: 0.5, epsilon: 0.5 },
    momentum: { lr: 0.1, momentum: 0.9 },
    centered: { lr: 0.1, centered: true },
    'centered with momentum': { lr: 0.1, centered: true, momentum: 0.5 },
    'L2 weight decay': { lr: 0.1, weightDecay: 0.5 },
    'decoupled weight decay': { lr: 0.1, weightDecay: { decoupled: 0.5 } },
  };
  for (const [name, options] of Object.entries(cases)) {
    it(name, () => {
      expectNear(afterSteps(new RMSprop(options), 4), expected(options, 4), 2e-6);
    });
  }

  it('stays finite if rounding makes the centered variance of equal gradients negative', () => {
    const gradients = Tensor.from(values(seeded(1), 256, 1e4), [256]);
    const w = Tensor.zeros([256]);
    const module: CanUpdateWithGradients = {
      parameters: () => [['w', w]],
      update: (provider, unused) => updateParameter(w, provider, unused),
    };
    const rmsprop = new RMSprop({ alpha: 0.5, centered: true });
    for (let step = 0; step < 200; step++) {
      rmsprop.update(module, backward(gradients.trace().mul(w).sum()));
      expect(w.data.every(Number.isFinite), `step ${step}`).to.equal(true);
    }
  });

  it('refuses invalid options by name', () => {
    const make = (options: unknown) => () => Reflect.construct(RMSprop, [options]) as object;
    expectError(make({ lr: Infinity }), RangeError, 'for lr', 'Infinity');
    expectError(make({ alpha: 2 }), RangeError, 'for alpha', '2');
    expectError(make({ epsilon: '1' }), TypeError, 'for epsilon', '"1"');
    expectError(make({ momentum: { nesterov: 0.9 } }), TypeError, 'for momentum', 'Object');
    expectError(make({ centered: 1 }), TypeError, 'a boolean for centered', '1');
    expectError(make({ weightDecay: { coupled: 1 } }), TypeError, 'decoupled', '"coupled"');
    expectError(make({ beta: 1 }), TypeError, 'alpha, epsilon', '"beta"');
    const rmsprop = new RMSprop();
    expectError(() => (rmsprop.lr = -1), RangeError, 'for lr', '-1');
  });
});
