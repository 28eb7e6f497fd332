import {
  backward,
  BatchNorm2D,
  type GradientProvider,
  type NamedTensor,
  Sgd,
  Tensor,
  UnusedParamsError,
  UnusedTensors,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { afterSteps, Parameter } from '../../support/parameter.js';

describe('Sgd', () => {
  it('subtracts lr times the gradient', () => {
    expectNear(afterSteps(new Sgd({ lr: 0.1 }), 2), [1 - 0.6, -2 - 1], 1e-6);
  });

  it('has a default learning rate of 0.01, which can be changed', () => {
    const sgd = new Sgd();
    expect(sgd.lr).to.equal(0.01);
    sgd.lr = 0.5;
    expectNear(afterSteps(sgd, 1), [-0.5, -4.5], 1e-6);
  });

  it('applies classic and Nesterov momentum', () => {
    expectNear(
      afterSteps(new Sgd({ lr: 0.1, momentum: 0.5 }), 2),
      [1 - 0.1 * (3 + 4.5), -2 - 0.1 * (5 + 7.5)],
      1e-6,
    );
    expectNear(
      afterSteps(new Sgd({ lr: 0.1, momentum: { nesterov: 0.5 } }), 1),
      [1 - 0.1 * (3 + 1.5), -2 - 0.1 * (5 + 2.5)],
      1e-6,
    );
  });

  it('applies L2 and decoupled weight decay', () => {
    expectNear(afterSteps(new Sgd({ lr: 0.1, weightDecay: 0.5 }), 1), [1 - 0.1 * 3.5, -2 - 0.1 * 4], 1e-6);
    expectNear(
      afterSteps(new Sgd({ lr: 0.1, weightDecay: { decoupled: 0.5 } }), 1),
      [1 - 0.1 * 3 - 0.05, -2 - 0.1 * 5 + 0.1],
      1e-6,
    );
  });

  it('updates in place: same tensors, same ids', () => {
    const bn = new BatchNorm2D(1);
    const before = bn.parameters().map(([, tensor]) => [tensor, tensor.id, tensor.data] as const);
    // Normalized to -1 and 1: dscale = 3 - (-1) = 4 and dbias = -1 + 3 = 2 with these weights.
    const x = Tensor.from([1, 3], [2, 1, 1, 1]);
    const loss = bn
      .forwardMut(x.trace())
      .mul(Tensor.from([-1, 3], [2, 1, 1, 1]))
      .sum();
    const moved = [bn.runningMean.item(), bn.runningVar.item()];
    new Sgd({ lr: 0.25 }).update(bn, backward(loss));
    bn.parameters().forEach(([name, tensor], i) => {
      expect([tensor, tensor.id, tensor.data], name).to.have.ordered.members([...before[i]]);
    });
    expect(bn.scale.item()).to.be.closeTo(1 - 0.25 * 4, 2e-5);
    expect(bn.bias.item()).to.be.closeTo(0 - 0.25 * 2, 1e-6);
    // The optimizer does not update the running statistics.
    expect([bn.runningMean.item(), bn.runningVar.item()]).to.deep.equal(moved);
  });

  it('names parameters without a gradient and changes nothing', () => {
    class Two extends Parameter {
      readonly idle = Tensor.ones([3]);
      override parameters(): readonly NamedTensor[] {
        return [...super.parameters(), ['head.idle', this.idle]];
      }
      override update(provider: GradientProvider, unused: UnusedTensors): void {
        super.update(provider, unused);
        updateParameter(this.idle, provider, unused);
      }
    }
    const module = new Two();
    const gradients = backward(module.loss());
    expectError(() => new Sgd().update(module, gradients), UnusedParamsError, 'head.idle');
    expect(module.w.array()).to.deep.equal([1, -2]);
    expect(gradients.get(module.w)?.array()).to.deep.equal([3, 5]);
  });

  it('updates a parameter shared by two layers once', () => {
    class Shared extends Parameter {
      override update(provider: GradientProvider, unused: UnusedTensors): void {
        super.update(provider, unused);
        super.update(provider, unused);
      }
    }
    const module = new Shared();
    new Sgd({ lr: 0.1 }).update(module, backward(module.loss()));
    expectNear(module.w.data, [1 - 0.3, -2 - 0.5], 1e-6);
  });

  it('supports modules that request the gradient themselves', () => {
    class Asking extends Parameter {
      override update(provider: GradientProvider, unused: UnusedTensors): void {
        const change = provider.gradient(this.w);
        if (change === undefined) {
          unused.add(this.w);
        } else {
          this.w.data.set(this.w.sub(change).data);
        }
      }
    }
    const module = new Asking();
    const sgd = new Sgd({ lr: 0.1, momentum: 0.5 });
    for (let i = 0; i < 2; i++) sgd.update(module, backward(module.loss()));
    expectNear(module.w.data, [1 - 0.1 * (3 + 4.5), -2 - 0.1 * (5 + 7.5)], 1e-6);
  });

  it('refuses invalid options by name', () => {
    const make = (options: unknown) => () => Reflect.construct(Sgd, [options]) as object;
    expectError(make({ lr: -0.1 }), RangeError, 'for lr', '-0.1');
    expectError(make({ lr: '1' }), TypeError, 'for lr', '"1"');
    expectError(make({ momentum: 2 }), RangeError, 'for momentum', '2');
    expectError(make({ momentum: { nesterov: -1 } }), RangeError, 'momentum.nesterov', '-1');
    expectError(make({ momentum: { classic: 1 } }), TypeError, 'nesterov', '"classic"');
    expectError(make({ weightDecay: -1 }), RangeError, 'for weightDecay', '-1');
    expectError(make({ weightDecay: { decoupled: 'x' } }), TypeError, 'weightDecay.decoupled');
    expectError(make({ rate: 1 }), TypeError, 'lr, momentum, weightDecay', '"rate"');
    expectError(make(3), TypeError, 'an object for options', '3');
  });

  it('refuses invalid modules and gradients', () => {
    const sgd = new Sgd();
    const update = sgd.update.bind(sgd) as Untyped;
    const module = new Parameter();
    const gradients = backward(module.loss());
    expectError(() => update({}, gradients), TypeError, 'update() and parameters() for module');
    expectError(() => update(null, gradients), TypeError, 'for module', 'null');
    expectError(() => update(module, {}), TypeError, 'Gradients for gradients');
    update(module, gradients);
    expectError(() => update(module, gradients), TypeError, 'update() has consumed');
  });
});

describe('updateParameter', () => {
  it('subtracts the result of a user-defined provider', () => {
    const module = new Parameter();
    const unused = new UnusedTensors();
    module.update({ gradient: (p) => p.mul(0.5) }, unused);
    expect(module.w.array()).to.deep.equal([0.5, -1]);
    expect(unused.isEmpty).to.equal(true);
    module.update({ gradient: () => undefined }, unused);
    expect(unused.tensors).to.deep.equal([module.w]);
  });

  it('calls a user-defined provider only for scale and bias of a batch norm', () => {
    const bn = new BatchNorm2D(2);
    const unused = new UnusedTensors();
    const asked: object[] = [];
    const provider: GradientProvider = {
      gradient(parameter) {
        asked.push(parameter);
        return parameter.mul(0).add(0.25);
      },
    };
    bn.update(provider, unused);
    expect(asked).to.have.ordered.members([bn.scale, bn.bias]);
    expect(bn.scale.array()).to.deep.equal([0.75, 0.75]);
    expect(bn.bias.array()).to.deep.equal([-0.25, -0.25]);
    expect(bn.runningMean.array()).to.deep.equal([0, 0]);
    expect(bn.runningVar.array()).to.deep.equal([1, 1]);
    expect(unused.isEmpty).to.equal(true);
    bn.update({ gradient: () => undefined }, unused);
    expect(unused.tensors).to.have.ordered.members([bn.scale, bn.bias]);
  });

  it('reports a parameter for which a user-defined provider returned no step', () => {
    const module = new Parameter();
    for (const stepped of [true, false]) {
      const unused = new UnusedTensors();
      module.update({ gradient: () => undefined, step: () => stepped }, unused);
      expect(unused.tensors).to.deep.equal(stepped ? [] : [module.w]);
    }
  });

  it('refuses a gradient of a different shape', () => {
    const module = new Parameter();
    const provider = { gradient: () => Tensor.zeros([3]) } as unknown as GradientProvider;
    const act = () => {
      module.update(provider, new UnusedTensors());
    };
    expectError(act, RangeError, 'gradient from the provider', '[2]', '[3]');
    expect(module.w.array()).to.deep.equal([1, -2]);
  });

  it('refuses invalid parameters, providers and collections', () => {
    const { w } = new Parameter();
    const update = updateParameter as Untyped;
    const unused = new UnusedTensors();
    const provider = { gradient: () => undefined };
    expectError(() => update(5, provider, unused), TypeError, 'a Tensor for parameter', '5');
    expectError(() => update(w, null, unused), TypeError, 'gradient() for provider', 'null');
    expectError(() => update(w, {}, unused), TypeError, 'gradient() for provider', 'Object');
    expectError(() => update(w, provider, []), TypeError, 'UnusedTensors for unused', 'Array');
    const wrong = { gradient: () => [1, 2] };
    expectError(() => update(w, wrong, unused), TypeError, 'the gradient from the provider', 'Array');
    expect(w.array()).to.deep.equal([1, -2]);
  });

  it('records only tensors as unused', () => {
    const unused = new UnusedTensors();
    expectError(() => (unused.add as Untyped).call(unused, 1), TypeError, 'for parameter', '1');
  });
});
