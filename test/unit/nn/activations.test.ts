import {
  Abs,
  backward,
  Cos,
  Exp,
  GeLU,
  LeakyReLU,
  Ln,
  type OwnedTape,
  ReLU,
  Sequential,
  type Shape,
  Sigmoid,
  SiLU,
  Sin,
  Softmax,
  Sqrt,
  Square,
  Tanh,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';

interface Activation {
  forward(x: Tensor<Shape>): Tensor<Shape>;
  forward(x: Tensor<Shape, OwnedTape>): Tensor<Shape, OwnedTape>;
  clone(): unknown;
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const gelu = (x: number) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

const layers: readonly (readonly [Activation, (x: number) => number])[] = [
  [new ReLU(), (x) => Math.max(x, 0)],
  [new GeLU(), gelu],
  [new SiLU(), (x) => x * logistic(x)],
  [new LeakyReLU(), (x) => (x > 0 ? x : 0.05 * x)],
  [new LeakyReLU(-2), (x) => (x > 0 ? x : -2 * x)],
  [new Sigmoid(), logistic],
  [new Tanh(), Math.tanh],
  [new Sin(), Math.sin],
  [new Cos(), Math.cos],
  [new Exp(), Math.exp],
  [new Ln(), Math.log],
  [new Sqrt(), Math.sqrt],
  [new Square(), (x) => x * x],
  [new Abs(), Math.abs],
];

describe('activations', () => {
  it("include all of dfdx's, and all are covered by these tests", () => {
    const names = new Set(layers.map(([layer]) => layer.constructor.name));
    const dfdx = ['ReLU', 'Sigmoid', 'Tanh', 'Sin', 'Cos', 'Ln', 'Exp', 'Square', 'Sqrt', 'Abs'];
    expect(names).to.deep.equal(new Set([...dfdx, 'GeLU', 'LeakyReLU', 'SiLU']));
  });

  for (const [layer, reference] of layers) {
    const name = layer.constructor.name;
    const positive = name === 'Ln' || name === 'Sqrt';
    const data = positive ? [0.3, 1.2, 2.5, 0.7, 1.9, 3.1] : [-2.3, -0.6, 0.4, 1.7, -0.15, 0.9];
    const x = Tensor.from(data, [2, 3]);

    it(`${name}: has the right values, shape and tape`, () => {
      const y = layer.forward(x);
      expect(y.shape).to.deep.equal([2, 3]);
      expectNear(y.data, data.map(reference), 2e-6);
      expectNear(layer.forward(x.trace()).data, y.data, 0);
    });

    it(`${name}: has a gradient that matches finite differences`, () => {
      checkGradients(([a]) => layer.forward(a).square().sum(), [x], 5e-3, 5e-3);
    });

    it(`${name}: can be cloned, and rejects an argument that is not a tensor`, () => {
      expect(layer.clone()).to.be.instanceOf(layer.constructor).and.not.equal(layer);
      expectError(() => (layer.forward as Untyped).call(layer, 5), TypeError, 'a Tensor for x');
    });
  }

  it('accept an empty batch', () => {
    const x = Tensor.zeros([0, 4]);
    for (const [layer] of layers) expect(layer.forward(x).shape).to.deep.equal([0, 4]);
    expect(new Softmax().forward(x).shape).to.deep.equal([0, 4]);
    expect(new Softmax().forward(Tensor.zeros([4, 0])).shape).to.deep.equal([4, 0]);
  });

  it('sigmoid and tanh saturate at the ends of float32', () => {
    const x = Tensor.from([-3e38, -100, -90, 90, 100, 3e38], [6]);
    expectNear(x.sigmoid().data, [0, Math.exp(-100), Math.exp(-90), 1, 1, 1], 3e-45);
    expect([...x.tanh().data]).to.deep.equal([-1, -1, -1, 1, 1, 1]);
    expect([...x.gelu().data].map((value) => value + 0)).to.deep.equal([
      ...[0, 0, 0, 90, 100],
      Math.fround(3e38),
    ]);
  });

  it('gelu has the gradient of 0 or x far from 0 and at infinity', () => {
    const x = Tensor.from([-Infinity, -3e38, -20, 20, 3e38, Infinity], [6]);
    const dx = backward(x.trace().gelu().sum()).get(x)?.data ?? [];
    expectNear(dx, [0, 0, 0, 1, 1, 1], 1e-6);
  });

  it('silu has the gradient of 0 or x far from 0 and at infinity', () => {
    const x = Tensor.from([-Infinity, -3e38, -150, 150, 3e38, Infinity], [6]);
    const dx = backward(x.trace().silu().sum()).get(x)?.data ?? [];
    expectNear(dx, [0, 0, 0, 1, 1, 1], 1e-6);
  });

  it('LeakyReLU rejects a slope that is not a finite number', () => {
    const make = (...given: unknown[]) => Reflect.construct(LeakyReLU, given) as LeakyReLU;
    expectError(() => make('a'), TypeError, 'a finite number for slope', '"a"');
    expectError(() => make(Infinity), RangeError, 'slope', 'Infinity');
    expectError(() => Tensor.zeros([1]).leakyRelu(NaN), RangeError, 'slope', 'NaN');
    expect(new LeakyReLU(0.5).clone().slope).to.equal(0.5);
  });
});

describe('Softmax', () => {
  const data = [-2, 1, 0.5, 3, -1, 2, 0.25, 0, 1, -0.5, 4, 1.5];

  for (const shape of [[12], [4, 3], [2, 3, 2], [1, 2, 3, 2]]) {
    it(`normalizes over the last axis of [${shape.join(', ')}]`, () => {
      const columns = shape[shape.length - 1];
      const expected = data.map((value, i) => {
        const start = i - (i % columns);
        const row = data.slice(start, start + columns).map(Math.exp);
        return Math.exp(value) / row.reduce((a, b) => a + b, 0);
      });
      const x = Tensor.from(data, shape);
      const y = new Softmax().forward(x);
      expect(y.shape).to.deep.equal(shape);
      expectNear(y.data, expected, 2e-7);
      checkGradients(([a]) => new Softmax().forward(a).square().sum(), [x], 1e-3);
    });
  }

  it('is 1 for a scalar, and does not overflow for large values', () => {
    expect(new Softmax().forward(Tensor.from([7], [])).item()).to.equal(1);
    expectNear(Tensor.from([1e30, 1e30, -1e30], [3]).softmax().data, [0.5, 0.5, 0], 0);
  });

  it('works in a composition', () => {
    const net = new Sequential(new Tanh(), new Softmax());
    const y = net.forward(Tensor.from(data, [4, 3]));
    expect([...y.data].reduce((a, b) => a + b, 0)).to.be.closeTo(4, 1e-6);
    expect(net.parameters()).to.deep.equal([]);
  });
});
