import {
  backward,
  clipGradNorm,
  Linear,
  type NamedTensor,
  Sgd,
  Tensor,
  UnusedParamsError,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { Parameter } from '../../support/parameter.js';
import { seeded, values } from '../../support/random.js';

/** A module with the given parameters. */
function moduleOf(...tensors: Tensor<readonly number[]>[]): Linear<number, number> {
  const parameters = tensors.map((tensor, i): NamedTensor => [`p${i}`, tensor]);
  return {
    parameters: () => parameters,
    update: (provider: never, unused: never) => {
      for (const tensor of tensors) updateParameter(tensor, provider, unused);
    },
  } as unknown as Linear<number, number>;
}

describe('clipGradNorm', () => {
  it('returns the norm over all parameters in float64, and scales to the limit', () => {
    const rng = seeded(1);
    const [w, b] = [values(rng, 600, 1e4), values(rng, 7, 1e-3)];
    const module = moduleOf(Tensor.zeros([600]), Tensor.zeros([7]));
    const [[, p], [, q]] = module.parameters();
    const gradients = backward(
      p
        .trace()
        .mul(Tensor.from(w, [600]))
        .sum()
        .add(
          q
            .trace()
            .mul(Tensor.from(b, [7]))
            .sum(),
        ),
    );
    const norm = Math.sqrt([...w, ...b].reduce((sum, g) => sum + g * g, 0));
    expect(clipGradNorm(module, gradients, 2)).to.be.closeTo(norm, 1e-12 * norm);
    expectNear(
      gradients.get(p)?.clone().data ?? [],
      w.map((g) => (g * 2) / norm),
      1e-7,
    );
    expectNear(
      gradients.get(q)?.clone().data ?? [],
      Array.from(b, (g) => (g * 2) / norm),
      1e-14,
    );
    expect(clipGradNorm(module, gradients, 3)).to.be.closeTo(2, 1e-6);
  });

  it('leaves gradients within the limit unchanged', () => {
    const module = new Parameter();
    const gradients = backward(module.loss());
    expect(clipGradNorm(module, gradients, Math.hypot(3, 5) + 1e-6)).to.be.closeTo(Math.hypot(3, 5), 1e-12);
    expect(gradients.get(module.w)?.array()).to.deep.equal([3, 5]);
  });

  it("determines the optimizer's step", () => {
    const module = new Parameter();
    const gradients = backward(module.loss());
    clipGradNorm(module, gradients, Math.hypot(3, 5) / 2);
    new Sgd({ lr: 1 }).update(module, gradients);
    expectNear(module.w.array(), [1 - 1.5, -2 - 2.5], 1e-6);
  });

  it('scales values shared by two gradients once', () => {
    const [p, q, other] = [Tensor.ones([4]), Tensor.ones([4]), Tensor.ones([4])];
    const module = moduleOf(p, q);
    const sum = p.trace().add(q.trace()).add(other.trace()).sum();
    const gradients = backward(sum);
    expect(gradients.get(other)?.array()).to.deep.equal([1, 1, 1, 1]);
    expect(clipGradNorm(module, gradients, Math.sqrt(2))).to.be.closeTo(Math.sqrt(8), 1e-12);
    for (const parameter of [p, q])
      expect(gradients.get(parameter)?.array()).to.deep.equal([0.5, 0.5, 0.5, 0.5]);
    expect(gradients.get(other)?.array()).to.deep.equal([1, 1, 1, 1]);
  });

  it('counts a parameter shared by several layers once', () => {
    const p = Tensor.ones([1]);
    const gradients = backward(p.trace().mul(4).sum());
    expect(clipGradNorm(moduleOf(p, p), gradients, 1)).to.equal(4);
    expect(gradients.get(p)?.array()).to.deep.equal([1]);
  });

  for (const value of [NaN, Infinity]) {
    it(`reports a norm of ${value} and scales nothing`, () => {
      const p = Tensor.ones([2]);
      const gradients = backward(
        p
          .trace()
          .mul(Tensor.from([value, 2], [2]))
          .sum(),
      );
      expect(clipGradNorm(moduleOf(p), gradients, 1)).to.deep.equal(value);
      expect(gradients.get(p)?.array()).to.deep.equal([value, 2]);
    });
  }

  it('refuses invalid arguments and changes nothing', () => {
    const module = new Parameter();
    const gradients = backward(module.loss());
    const clip = clipGradNorm as Untyped;
    expectError(() => clip({}, gradients, 1), TypeError, 'for module', 'Object');
    expectError(() => clip(module, new Map(), 1), TypeError, 'Gradients for gradients', 'Map');
    expectError(() => clip(module, gradients, 0), RangeError, 'for max', '0');
    expectError(() => clip(module, gradients, '1'), TypeError, 'for max', '"1"');
    const two = moduleOf(module.w, Tensor.ones([1]));
    expectError(() => clipGradNorm(two, gradients, 1), UnusedParamsError, 'p1');
    expect(gradients.get(module.w)?.array()).to.deep.equal([3, 5]);
    new Sgd().update(module, gradients);
    expectError(() => clipGradNorm(module, gradients, 1), TypeError, 'update');
  });
});
