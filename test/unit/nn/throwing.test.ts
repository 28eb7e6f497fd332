import {
  backward,
  BatchNorm2D,
  type CanUpdateWithGradients,
  type GradientProvider,
  type NamedTensor,
  type OwnedTape,
  parametersOf,
  Residual,
  Sequential,
  Sgd,
  Tensor,
  type Tensor4D,
  UnusedTensors,
} from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

type Image<T extends OwnedTape = OwnedTape> = Tensor4D<2, 3, 2, 2, T>;

/** Thrown only by user code. */
class UserError extends Error {}

const x = Tensor.from(values(seeded(1), 24), [2, 3, 2, 2]);

/** A user's layer that throws in the given method. */
class Fragile implements CanUpdateWithGradients {
  readonly norm = new BatchNorm2D(3);
  throwing: 'forwardMut' | 'update' | undefined;

  forward<X>(y: X): X {
    return y;
  }
  forwardMut(y: Image): Image {
    const result = this.norm.forwardMut(y);
    if (this.throwing === 'forwardMut') throw new UserError();
    return result;
  }
  parameters(): readonly NamedTensor[] {
    return parametersOf('norm', this.norm);
  }
  update(provider: GradientProvider, unused: UnusedTensors): void {
    if (this.throwing === 'update') throw new UserError();
    this.norm.update(provider, unused);
  }
}

const textOf = (...norms: BatchNorm2D<3>[]) => JSON.stringify(norms);

// docs/reports/endurance.md documents these rules.
describe('user code that throws in the middle of a step', () => {
  it('inside Sequential and Residual leaves all running statistics unchanged, and the step can be repeated', () => {
    const make = () => {
      const norm = new BatchNorm2D(3);
      const fragile = new Fragile();
      const network = new Sequential(new Residual(new Sequential(norm)), fragile);
      return { norm, fragile, network };
    };
    const { norm, fragile, network } = make();
    const before = textOf(norm, fragile.norm);
    const traced = x.trace();
    fragile.throwing = 'forwardMut';
    expect(() => network.forwardMut(traced)).to.throw(UserError);
    expect(textOf(norm, fragile.norm)).to.equal(before);

    fragile.throwing = undefined;
    const sgd = new Sgd({ lr: 0.1 });
    // Including the tensor whose graph recorded the layers before the error.
    sgd.update(network, backward(network.forwardMut(traced).square().mean()));
    const other = make();
    sgd.update(other.network, backward(other.network.forwardMut(x.trace()).square().mean()));
    expect(textOf(norm, fragile.norm)).to.equal(textOf(other.norm, other.fragile.norm));
  });

  it("in a user's own composition leaves complete updates of the statistics of earlier layers", () => {
    const fragile = new Fragile();
    fragile.throwing = 'forwardMut';
    expect(() => fragile.forwardMut(x.trace())).to.throw(UserError);
    const alone = new BatchNorm2D(3);
    alone.forwardMut(x.trace());
    expect(textOf(fragile.norm)).to.equal(textOf(alone));
  });

  it('in update() for an optimizer changes nothing and keeps the gradients', () => {
    const fragile = new Fragile();
    const gradients = backward(fragile.forwardMut(x.trace()).square().mean());
    const before = textOf(fragile.norm);
    const sgd = new Sgd({ lr: 0.1, momentum: 0.9 });
    fragile.throwing = 'update';
    expect(() => {
      sgd.update(fragile, gradients);
    }).to.throw(UserError);
    expect(textOf(fragile.norm)).to.equal(before);
    fragile.throwing = undefined;
    sgd.update(fragile, gradients);
    expect(textOf(fragile.norm)).to.not.equal(before);
  });

  it("in a user's provider leaves earlier parameters updated, this one and later ones unchanged", () => {
    const norm = new BatchNorm2D(3);
    const provider: GradientProvider = {
      gradient(parameter) {
        if (parameter.id === norm.bias.id) throw new UserError();
        const change = parameter.clone();
        change.data.fill(0.25);
        return change;
      },
    };
    expect(() => {
      norm.update(provider, new UnusedTensors());
    }).to.throw(UserError);
    expect(norm.scale.array()).to.deep.equal([0.75, 0.75, 0.75]);
    expect(norm.bias.array()).to.deep.equal([0, 0, 0]);
    norm.forwardMut(x.trace());
  });

  it('in the generator of Tensor.randn leaks nothing', () => {
    const rng = () => {
      throw new UserError();
    };
    expect(() => Tensor.randn([2, 2], { rng })).to.throw(UserError);
    expect(Tensor.randn([2, 2], { rng: seeded(1) }).array()).to.have.length(2);
  });
});
