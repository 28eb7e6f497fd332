import {
  backward,
  BatchNorm2D,
  Conv2D,
  Flatten2D,
  Linear,
  type OwnedTape,
  Sequential,
  Sgd,
  storagePool,
  Tensor,
  type Tensor4D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

const untyped = backward as Untyped;

describe('backward', () => {
  it('gives the gradient with respect to the untraced tensor', () => {
    const x = Tensor.from([1, 2, 3], [3]);
    const gradients = backward(x.trace().square().sum());
    expect(gradients.get(x)?.array()).to.deep.equal([2, 4, 6]);
    expect(gradients.get(Tensor.zeros([3]))).to.equal(undefined);
  });

  it('adds up the gradients of a value that is used twice', () => {
    const x = Tensor.from([1, 2], [2]);
    const traced = x.trace();
    // x^2 + 3x + x: 2x + 4
    const loss = traced.mul(traced).add(traced.mul(3)).add(traced).sum();
    expect(backward(loss).get(x)?.array()).to.deep.equal([6, 8]);
  });

  it('keeps the gradients of x + x apart from those of later uses', () => {
    const x = Tensor.from([5], [1]);
    const y = x.trace();
    const z = y.add(y);
    expect(backward(z.mul(z).sum()).get(x)?.array()).to.deep.equal([40]);
  });

  it('keeps the gradients of x + y apart when x has another use before', () => {
    const [x, y] = [Tensor.from([5], [1]), Tensor.from([7], [1])];
    const [a, b] = [x.trace(), y.trace()];
    const before = a.mul(3);
    const grads = backward(a.add(b).square().add(before).sum());
    expect(grads.get(x)?.array()).to.deep.equal([24 + 3]);
    expect(grads.get(y)?.array()).to.deep.equal([24]);
  });

  it('joins tapes that meet', () => {
    const a = Tensor.from([2, 3], [2]);
    const b = Tensor.from([5, 7], [2]);
    const left = a.trace().square();
    const right = b.trace().exp().log();
    const gradients = backward(left.mul(right).sum());
    expect(gradients.get(a)?.array()).to.deep.equal([20, 42]);
    const db = gradients.get(b)?.array() ?? [];
    expect(db[0]).to.be.closeTo(4, 1e-5);
    expect(db[1]).to.be.closeTo(9, 1e-5);
  });

  it('adds gradients in the order of recording, whichever of two graphs that meet is larger', () => {
    // 1e8 - 1e8 + 1 is 1 and 1 + 1e8 - 1e8 is 0 in float32.
    const p = Tensor.ones([1]);
    const use = (factor: number) => Tensor.from([factor], [1]).trace().mul(p);
    const single = use(1);
    const pair = use(-1e8).add(use(1e8));
    for (const loss of [single.add(pair).sum()]) {
      expect(backward(loss).get(p)?.array()).to.deep.equal([1]);
    }
  });

  it('accumulates over the uses of a shared parameter', () => {
    const layer = new Linear(2, 2, { rng: () => 0.75 });
    const x = Tensor.from([[1, 2]], [1, 2]);
    const once = backward(layer.forward(x.trace()).sum()).get(layer.bias)?.array();
    const twice = backward(layer.forward(x.trace()).add(layer.forward(x.trace())).sum());
    expect(twice.get(layer.bias)?.array()).to.deep.equal(once?.map((value) => 2 * value));
  });

  it('gives a gradient with respect to an untaped operand too', () => {
    const x = Tensor.from([1, 2], [2]);
    const factor = Tensor.from([3, 4], [2]);
    const gradients = backward(x.trace().mul(factor).sum());
    expect(gradients.get(factor)?.array()).to.deep.equal([1, 2]);
  });

  it('treats a detached tensor as a constant', () => {
    const x = Tensor.from([3], [1]);
    const traced = x.trace();
    const loss = traced.mul(traced.square().detach()).sum();
    expect(backward(loss).get(x)?.array()).to.deep.equal([9]);
  });

  describe('for a tensor that was traced without a gradient', () => {
    it('gives the gradients of all other tensors', () => {
      const rng = () => 0.7;
      const net = new Sequential(
        new Conv2D(2, 3, 3, { rng }),
        new BatchNorm2D(3),
        new Flatten2D(),
        new Linear(12, 2, { rng }),
      );
      const x = Tensor.from(
        Array.from({ length: 32 }, (_, i) => Math.sin(i)),
        [1, 2, 4, 4],
      );
      const loss = (traced: Tensor4D<1, 2, 4, 4, OwnedTape>) => net.forwardMut(traced).square().sum();
      const whole = backward(loss(x.trace()));
      const gradients = backward(loss(x.trace({ gradient: false })));
      expect(whole.get(x)).not.to.equal(undefined);
      expect(gradients.get(x)).to.equal(undefined);
      for (const [, parameter] of net.parameters()) {
        expect(gradients.get(parameter)?.array()).to.deep.equal(whole.get(parameter)?.array());
      }
    });

    it('skips the product for its gradient', () => {
      const x = Tensor.from([[1, 2]], [1, 2]);
      const w = Tensor.from([[3], [4]], [2, 1]);
      const gradients = backward(x.trace({ gradient: false }).matmul(w).sum());
      expect(gradients.get(x)).to.equal(undefined);
      expect(gradients.get(w)?.array()).to.deep.equal([[1], [2]]);
    });

    it('gives no gradient for values computed only from it', () => {
      const x = Tensor.from([2], [1]);
      const factor = Tensor.from([5], [1]);
      const prepared = x.trace({ gradient: false }).reshape([1, 1]).reshape([1]);
      expect(backward(prepared.mul(factor).sum()).get(factor)?.array()).to.deep.equal([2]);
      expect(backward(x.trace({ gradient: false }).square().sum()).get(x)).to.equal(undefined);
    });

    it('counts only the uses that were traced with a gradient', () => {
      const x = Tensor.from([3], [1]);
      const loss = x.trace({ gradient: false }).mul(x.trace()).sum();
      expect(backward(loss).get(x)?.array()).to.deep.equal([3]);
    });

    it('releases the memory of its gradient', () => {
      const x = Tensor.zeros([777]);
      const factor = Tensor.ones([777]);
      const step = () => {
        const traced = x.trace({ gradient: false });
        backward(traced.mul(factor).square().sum()).get(factor)?.dispose();
      };
      step();
      const { bytes } = storagePool;
      step();
      expect(storagePool.bytes).to.equal(bytes);
    });
  });

  it('ignores what the loss does not depend on', () => {
    const x = Tensor.from([1], [1]);
    const other = Tensor.from([1], [1]);
    const traced = x.trace();
    other.trace().add(traced).exp();
    const gradients = backward(traced.mul(2).sum());
    expect(gradients.get(x)?.array()).to.deep.equal([2]);
    expect(gradients.get(other)).to.equal(undefined);
  });

  it('gives a gradient of one for a traced scalar itself', () => {
    const x = Tensor.from([4], []);
    expect(backward(x.trace()).get(x)?.item()).to.equal(1);
  });

  describe('consumes the graph', () => {
    it('and its tensors say so, while scalars stay readable', () => {
      const hidden = Tensor.from([1, 2], [2]).trace().exp();
      const loss = hidden.mean();
      const value = loss.item();
      backward(loss);
      expectError(() => hidden.data, TypeError, 'backward() has consumed', 'keep: [tensor]');
      expectError(() => hidden.array(), TypeError, 'backward() has consumed');
      expectError(() => hidden.relu(), TypeError, 'backward() has consumed', 'Run forward again');
      expect(loss.item()).to.equal(value);
      expectError(() => loss.mul(2), TypeError, 'backward() has consumed');
    });

    it('so that a second backward is an error', () => {
      const loss = Tensor.from([1, 2], [2]).trace().sum();
      backward(loss);
      expectError(() => backward(loss), TypeError, 'backward() has consumed');
    });

    it('except for tensors named in keep', () => {
      const logits = Tensor.from([1, 2], [2]).trace().mul(3);
      backward(logits.sum(), { keep: [logits] });
      expect(logits.array()).to.deep.equal([3, 6]);
      expect(logits.detach().relu().array()).to.deep.equal([3, 6]);
      expectError(() => logits.relu(), TypeError, 'detach()');
    });

    it('but leaves views that were taken before unchanged', () => {
      const hidden = Tensor.ones([1000]).trace().mul(3);
      const view = hidden.data;
      backward(hidden.sum());
      Tensor.zeros([1000]);
      expect(view.every((value) => value === 3)).to.equal(true);
    });

    it('on both joined tapes', () => {
      const a = Tensor.ones([2]).trace().exp();
      const b = Tensor.ones([2]).trace().exp();
      backward(a.add(b).sum());
      expectError(() => a.data, TypeError, 'consumed');
      expectError(() => b.data, TypeError, 'consumed');
    });
  });

  it('adds to earlier gradients, as for micro-batches', () => {
    const w = Tensor.from([1, 1], [2]);
    const first = Tensor.from([1, 2], [2]);
    const second = Tensor.from([10, 20], [2]);
    const gradients = backward(first.trace().mul(w).sum());
    expect(backward(second.trace().mul(w).sum(), { into: gradients })).to.equal(gradients);
    expect(gradients.get(w)?.array()).to.deep.equal([11, 22]);
    expect(gradients.get(second)?.array()).to.deep.equal([1, 1]);
  });

  it('refuses a parameter that was updated since the forward pass, by name, and changes nothing', () => {
    const bn = new BatchNorm2D(1);
    const x = Tensor.from([1, 2, 3, 4], [4, 1, 1, 1]);
    const earlier = bn.forwardMut(x.trace()).square().mean();
    new Sgd().update(bn, backward(bn.forwardMut(x.trace()).square().mean()));
    for (let i = 0; i < 2; i++) {
      expectError(() => backward(earlier), Error, 'scale of BatchNorm2D', 'updated in between');
    }
  });

  describe('refuses', () => {
    it('a loss that is not a tensor', () => {
      expectError(() => untyped(3), TypeError, 'for loss', '3 of type number');
      expectError(() => untyped(null), TypeError, 'for loss', 'null');
    });

    it('a tensor without a tape', () => {
      expectError(() => untyped(Tensor.zeros([])), TypeError, 'for loss', 'x.trace()');
    });

    it('a loss that is not a scalar', () => {
      expectError(() => untyped(Tensor.zeros([2]).trace()), TypeError, 'scalar', '[2]', 'mean()');
    });

    it('wrong options', () => {
      const loss = Tensor.from([1], [1]).trace().sum();
      expectError(() => untyped(loss, { retain: 1 }), TypeError, 'keep, into', '"retain"');
      expectError(() => untyped(loss, { keep: loss }), TypeError, 'array of tensors for keep');
      expectError(() => untyped(loss, { keep: [1] }), TypeError, 'keep[0]', '1 of type number');
      expectError(() => untyped(loss, { into: {} }), TypeError, 'Gradients for into');
      const stranger = Tensor.zeros([1]).trace();
      expectError(() => untyped(loss, { keep: [stranger] }), TypeError, 'keep[0]', 'graph of loss');
      expect(backward(loss).get(Tensor.zeros([1]))).to.equal(undefined);
    });

    it('to add to gradients that update() has consumed', () => {
      const bn = new BatchNorm2D(1);
      const forward = () => bn.forwardMut(Tensor.ones([2, 1, 1, 1]).trace()).sum();
      const gradients = backward(forward());
      new Sgd().update(bn, gradients);
      expectError(() => backward(forward(), { into: gradients }), TypeError, 'update()');
    });

    it('to look up the gradient of a value that is not a tensor', () => {
      const gradients = backward(Tensor.zeros([]).trace());
      expectError(() => (gradients.get as Untyped).call(gradients, 'x'), TypeError, 'for tensor');
    });
  });
});
