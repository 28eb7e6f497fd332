import {
  Adam,
  type AdamOptions,
  backward,
  type CanUpdateWithGradients,
  Tensor,
  UnusedParamsError,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { afterSteps, Parameter } from '../../support/parameter.js';

const gradient = [3, 5];

/** Adam's formulas in float64. */
function expected(options: Required<Pick<AdamOptions, 'lr' | 'betas' | 'epsilon'>>, steps: number, l2 = 0) {
  const { lr, betas, epsilon } = options;
  return [1, -2].map((start, i) => {
    let [p, m, v] = [start, 0, 0];
    for (let t = 1; t <= steps; t++) {
      const g = gradient[i] + l2 * p;
      m = betas[0] * m + (1 - betas[0]) * g;
      v = betas[1] * v + (1 - betas[1]) * g ** 2;
      const corrected = Math.sqrt(v / (1 - betas[1] ** t)) + epsilon;
      p -= (lr * m) / (1 - betas[0] ** t) / corrected;
    }
    return p;
  });
}

describe('Adam', () => {
  it("has dfdx's defaults", () => {
    const options = { lr: 1e-3, betas: [0.9, 0.999], epsilon: 1e-8 } as const;
    expectNear(afterSteps(new Adam(), 5), expected(options, 5), 1e-6);
  });

  it('applies learning rate, betas and epsilon', () => {
    const options = { lr: 0.05, betas: [0.5, 0.8], epsilon: 0.1 } as const;
    expectNear(afterSteps(new Adam(options), 4), expected(options, 4), 1e-6);
    const none = { lr: 0.05, betas: [0, 0], epsilon: 0.1 } as const;
    expectNear(afterSteps(new Adam(none), 2), expected(none, 2), 1e-6);
  });

  it('applies L2 and decoupled weight decay', () => {
    const options = { lr: 0.1, betas: [0.5, 0.8], epsilon: 1 } as const;
    expectNear(afterSteps(new Adam({ ...options, weightDecay: 0.5 }), 3), expected(options, 3, 0.5), 1e-6);
    const [plain, decayed] = [options, { ...options, weightDecay: { decoupled: 0.5 } }].map((each) =>
      afterSteps(new Adam(each), 1),
    );
    expectNear(decayed, [plain[0] - 0.05, plain[1] + 0.1], 1e-6);
  });

  it('with amsgrad divides by the largest second moment so far', () => {
    const options = { lr: 0.1, betas: [0.5, 0.5], epsilon: 0.1 } as const;
    const w = Tensor.from([1, -2], [2]);
    const module: CanUpdateWithGradients = {
      parameters: () => [['w', w]],
      update: (provider, unused) => updateParameter(w, provider, unused),
    };
    const adam = new Adam({ ...options, amsgrad: true });
    let [p, m, v, largest] = [1, 0, 0, 0];
    // Gradients that become smaller, so that the largest moment is an earlier one.
    for (const [step, g] of [4, 1, 0.25, 3].entries()) {
      adam.update(module, backward(w.trace().mul(g).sum()));
      m = 0.5 * m + 0.5 * g;
      v = 0.5 * v + 0.5 * g ** 2;
      largest = Math.max(largest, v);
      const correction = 1 - 0.5 ** (step + 1);
      p -= (0.1 * m) / correction / (Math.sqrt(largest / correction) + 0.1);
    }
    expect(largest).to.be.greaterThan(v);
    expectNear(w.array(), [p, p - 3], 1e-6);
  });

  it('leaves parameters and step count unchanged if an update fails', () => {
    const adam = new Adam({ lr: 0.1, epsilon: 1 });
    const module = new Parameter();
    const other = Tensor.ones([2]);
    const elsewhere = backward(other.trace().sum());
    expectError(() => adam.update(module, elsewhere), UnusedParamsError, 'w');
    adam.update(module, backward(module.loss()));
    expectNear(module.w.array(), afterSteps(new Adam({ lr: 0.1, epsilon: 1 }), 1), 0);
  });

  it('refuses invalid options by name', () => {
    const make = (options: unknown) => () => Reflect.construct(Adam, [options]) as object;
    expectError(make({ lr: -1 }), RangeError, 'for lr', '-1');
    expectError(make({ betas: 0.9 }), TypeError, 'two numbers for betas', '0.9');
    expectError(make({ betas: [0.9] }), TypeError, 'two numbers for betas', 'length 1');
    expectError(make({ betas: [0.9, 1] }), RangeError, 'for betas[1]', '1');
    expectError(make({ betas: ['x', 0.9] }), TypeError, 'for betas[0]', '"x"');
    expectError(make({ epsilon: 0 }), RangeError, 'for epsilon', '0');
    expectError(make({ weightDecay: NaN }), RangeError, 'for weightDecay', 'NaN');
    expectError(make({ amsgrad: 1 }), TypeError, 'a boolean for amsgrad', '1');
    expectError(make({ eps: 1 }), TypeError, 'lr, betas, epsilon, weightDecay', '"eps"');
    const adam = new Adam();
    expectError(() => (adam.lr = -1), RangeError, 'for lr', '-1');
  });
});
