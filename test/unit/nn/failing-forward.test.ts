import {
  backward,
  BaseModule,
  BatchNorm2D,
  Conv2D,
  GeneralizedResidual,
  Linear,
  type OwnedTape,
  ReLU,
  Residual,
  Sequential,
  type Shape,
  storagePool,
  summary,
  Tanh,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';

type AnyTensor = Tensor<Shape>;
type Taped = Tensor<Shape, OwnedTape>;
interface Network {
  forward(x: AnyTensor): AnyTensor;
  forwardMut(x: Taped): Taped;
}

const shape = [2, 4, 6, 6] as const;
const count = 2 * 4 * 6 * 6;
const bytes = 4 * count;
const x: AnyTensor = Tensor.from(values(seeded(1), count), shape);

class UserError extends Error {}

/** Throws while `fails`. */
class Fragile extends BaseModule {
  fails = true;
  forward<T extends AnyTensor | Taped>(y: T): T {
    if (this.fails) throw new UserError('midway');
    return y.exp() as T;
  }
}

/** Changes the shape, which Residual refuses. */
const halves = () => new Conv2D(4, 2, 1);

interface Case {
  readonly net: object;
  /** Bytes that the layers before the error return to the pool, in inference and in training. */
  readonly infer: number;
  readonly train: number;
  readonly type?: new (...args: never[]) => Error;
}

const cases: Record<string, () => Case> = {
  "a user's layer in Sequential": () => ({
    net: new Sequential(new Tanh(), new Tanh(), new Tanh(), new Fragile()),
    infer: 2 * bytes,
    train: 3 * bytes,
  }),
  'a layer of the package in Sequential': () => ({
    net: new Sequential(new Tanh(), new Linear(5, 5)),
    infer: bytes,
    train: bytes,
    type: RangeError,
  }),
  'nested Sequentials': () => ({
    net: new Sequential(new Tanh(), new Sequential(new Tanh(), new Sequential(new Tanh(), new Fragile()))),
    infer: 3 * bytes,
    train: 3 * bytes,
  }),
  'the layer after a nested Sequential': () => ({
    net: new Sequential(new Sequential(new Tanh(), new Tanh()), new Fragile()),
    infer: 2 * bytes,
    train: 2 * bytes,
  }),
  'the sum of Residual': () => ({
    net: new Residual(halves()),
    infer: bytes / 2,
    train: bytes / 2,
    type: RangeError,
  }),
  'r of GeneralizedResidual': () => ({
    net: new GeneralizedResidual(new Tanh(), new Fragile()),
    infer: bytes,
    train: bytes,
  }),
  'the sum of GeneralizedResidual': () => ({
    net: new GeneralizedResidual(new Tanh(), halves()),
    infer: 1.5 * bytes,
    train: 1.5 * bytes,
    type: RangeError,
  }),
  'a fused GeneralizedResidual': () => ({
    net: new Sequential(
      new GeneralizedResidual(new Sequential(new Tanh(), new BatchNorm2D(4)), halves()),
      new ReLU(),
    ),
    infer: 1.5 * bytes,
    train: 1.5 * bytes,
    type: RangeError,
  }),
};

/** Bytes in the pool, empty before, after a call that throws. */
function returnedBy(call: () => unknown, type: new (...args: never[]) => Error): number {
  storagePool.clear();
  expectError(call, type);
  return storagePool.bytes;
}

describe('a forward that throws midway releases its intermediate results:', () => {
  for (const [name, make] of Object.entries(cases)) {
    it(`${name}, in inference`, () => {
      const { net, infer, type = UserError } = make();
      expect(returnedBy(() => (net as Network).forward(x), type)).to.equal(infer);
      expect(x.array()).to.deep.equal(Tensor.from(values(seeded(1), count), shape).array());
    });

    it(`${name}, in training`, () => {
      const { net, train, type = UserError } = make();
      const traced = x.trace();
      expect(returnedBy(() => (net as Network).forwardMut(traced), type)).to.equal(train);
      // The tensor can be used again.
      expect(backward(traced.square().sum()).get(x)?.array()).to.deep.equal(x.add(x).array());
    });
  }

  it('the product before the bias of Linear', () => {
    const linear = new Linear(36, 8);
    structuredClone(linear.bias.data, { transfer: [linear.bias.data.buffer as ArrayBuffer] });
    const rows = Tensor.zeros([8, 36]);
    expect(returnedBy(() => linear.forward(rows), TypeError)).to.equal(4 * 64);
  });

  it('the input of summary', () => {
    expect(returnedBy(() => summary(new Sequential(new Tanh(), new Fragile()), shape), UserError)).to.equal(
      2 * bytes,
    );
  });
});

describe('a forwardMut that throws midway', () => {
  it('keeps what was recorded before it, and gives the gradients of another attempt', () => {
    const fragile = new Fragile();
    const net = new Sequential(new Conv2D(4, 4, 1), new Tanh(), fragile);
    const traced = x.trace();
    const before = traced.square();
    expectError(() => net.forwardMut(before as never), UserError);
    fragile.fails = false;
    const gradients = backward((net.forwardMut(before as never) as Taped).sum());
    const expected = backward((net.forwardMut(x.trace().square() as never) as Taped).sum());
    const { weight } = net.layers[0];
    expect(gradients.get(x)?.array()).to.deep.equal(expected.get(x)?.array());
    expect(gradients.get(weight)?.array()).to.deep.equal(expected.get(weight)?.array());
  });

  it('keeps the tensors in the fields of modules, and the operations that led to them', () => {
    class Recurrent extends BaseModule {
      readonly cell = new Conv2D(4, 4, 1);
      hidden = x.trace();
      forwardMut(y: Taped): Taped {
        this.hidden = (this.cell.forward(y as never) as Taped).tanh();
        return this.hidden.square();
      }
    }
    const recurrent = new Recurrent();
    const net = new Sequential(new Tanh(), new Sequential(recurrent), new Fragile());
    expect(returnedBy(() => net.forwardMut(x.trace() as never), UserError)).to.equal(bytes);
    const { hidden } = recurrent;
    const gradients = backward(hidden.sum());

    const direct = new Sequential(new Tanh(), recurrent.cell, new Tanh());
    const expected = backward((direct.forwardMut(x.trace() as never) as Taped).sum());
    expect(gradients.get(x)?.array()).to.deep.equal(expected.get(x)?.array());
  });

  it('ends the tensors that it recorded, scalars included, with an error that says so', () => {
    let inside: Taped | undefined;
    let loss: Taped | undefined;
    const escaping = {
      forwardMut(y: Taped): Taped {
        inside = y.exp();
        loss = inside.sum();
        return inside;
      },
    };
    const net = new Sequential(new Tanh(), escaping as never, new Fragile());
    expectError(() => net.forwardMut(x.trace() as never), UserError);
    for (const tensor of [inside, loss]) {
      expectError(() => tensor?.array(), TypeError, 'threw an error and released');
    }
    expect(String(inside)).to.include('released after an error');
  });
});
