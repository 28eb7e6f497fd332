import { backend, backward, type OwnedTape, type Shape, storagePool, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

type Taped = Tensor<Shape, OwnedTape>;

/** Longer than the part of an array that an operation computes at a time. */
const n = 70_000;
const x = Tensor.from(values(seeded(1), n, 0.9, 1), [n]); // mostly positive, for the logarithm and the root
const weights = Tensor.from(values(seeded(2), n), [n]);
const ones = Tensor.ones([n]);

const functions: Readonly<Record<string, (x: Taped) => Taped>> = {
  exp: (a) => a.exp(),
  log: (a) => a.log(),
  sqrt: (a) => a.sqrt(),
  square: (a) => a.square(),
  relu: (a) => a.sub(1).relu(),
  leakyRelu: (a) => a.sub(1).leakyRelu(0.1),
  sigmoid: (a) => a.sigmoid(),
  tanh: (a) => a.tanh(),
  gelu: (a) => a.sub(1).gelu(),
  silu: (a) => a.sub(1).silu(),
  abs: (a) => a.sub(1).abs(),
  sin: (a) => a.sin(),
  cos: (a) => a.cos(),
  'add a tensor': (a) => a.add(weights),
  'subtract it from a tensor': (a) => weights.sub(a),
  'mul a tensor': (a) => a.mul(weights),
  'mul itself': (a) => a.mul(a),
  'div a tensor': (a) => a.div(weights),
  'divide a tensor by it': (a) => weights.div(a),
  'mul a number': (a) => a.square().mul(0.3),
  'div a number': (a) => a.square().div(0.7),
  'add to itself': (a) => a.add(a.square()),
  'maximum of a tensor': (a) => a.maximum(weights),
  reshape: (a) =>
    a
      .square()
      .reshape([7, n / 7])
      .reshape([n]),
};

/** The gradient with respect to x of a loss of f(x). */
function gradient(f: (x: Taped) => Taped, loss: (y: Taped) => Tensor<readonly [], OwnedTape>): Float32Array {
  return backward(loss(f(x.trace()))).get(x)?.data ?? new Float32Array(0);
}

describe('the gradient of a sum, which is one value, gives the same bits as a whole array through', () => {
  for (const [name, f] of Object.entries(functions)) {
    it(name, () => {
      // The product with a tensor has a gradient of n values.
      const expected = gradient(f, (y) => y.mul(ones).mean());
      expect(expected).to.have.length(n);
      expect(gradient(f, (y) => y.mean())).to.deep.equal(expected);
      expect(gradient(f, (y) => y.mul(ones).sum())).to.deep.equal(gradient(f, (y) => y.sum()));
    });
  }

  it('a sum over axes, a softmax and a broadcast row, which read every value', () => {
    const row = Tensor.from(values(seeded(3), 100), [100]);
    const matrix: (a: Taped) => Tensor<readonly [number, number], OwnedTape> = (a) => a.reshape([700, 100]);
    for (const f of [
      (a: Taped) => matrix(a).sum({ axes: 1 }),
      (a: Taped) => matrix(a).softmax(),
      (a: Taped) => matrix(a).mul(row),
    ]) {
      const shape = f(x.trace()).shape;
      const expected = gradient(f, (y) => y.mul(Tensor.ones(shape)).sum());
      expect(gradient(f, (y) => y.sum())).to.deep.equal(expected);
    }
  });
});

describe('the gradient of a sum', () => {
  it('with respect to a leaf has all values', () => {
    const grads = backward(x.trace().mean());
    expect(grads.get(x)?.data).to.deep.equal(new Float32Array(n).fill(1 / n));
  });

  it('takes no memory on its way to the operation that needs it', () => {
    const step = () => {
      backward(x.trace().square().mean()).dispose();
    };
    storagePool.clear();
    step();
    // The squares and the gradient with respect to x, beside a few scalars. Where memory moves, equal values take theirs.
    expect(Math.floor(storagePool.bytes / 4 / n)).to.equal(backend.name === 'wasm' ? 3 : 2);
  });

  it('adds to the gradients of other uses, in either order', () => {
    const twice = new Float32Array(n).fill(3);
    for (const loss of [
      (a: Taped) => a.sum().add(a.mul(ones).sum().mul(2)),
      (a: Taped) => a.mul(ones).sum().mul(2).add(a.sum()),
      (a: Taped) => a.sum().add(a.sum().mul(2)),
    ]) {
      expect(backward(loss(x.trace())).get(x)?.data).to.deep.equal(twice);
    }
  });

  it('of two operands has memory of its own for each', () => {
    for (const loss of [(y: Taped) => y.sum(), (y: Taped) => y.mul(ones).sum()]) {
      const grads = backward(loss(x.trace().add(weights.trace())));
      const [left, right] = [grads.get(x)?.data, grads.get(weights)?.data];
      expect(left).to.deep.equal(right);
      left?.fill(7);
      expect(right).to.deep.equal(new Float32Array(n).fill(1));
    }
  });
});
