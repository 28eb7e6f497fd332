import {
  backward,
  BatchNorm2D,
  type OwnedTape,
  type Shape,
  storagePool,
  Tensor,
  type Tensor4D,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { checkGradients } from '../../support/gradient-check.js';
import { seeded, values } from '../../support/random.js';

type Image = Tensor4D<number, number, number, number>;

/** Bits as unsigned integers, with one value for all NaNs. */
const bits = (x: Float32Array | undefined): Uint32Array =>
  new Uint32Array(Float32Array.from(x ?? [], (value) => (Number.isNaN(value) ? NaN : value)).buffer);

/** All results of a training step, as bits. */
function step(
  shape: readonly [number, number, number, number],
  special: boolean,
  adding: boolean,
  layer: (bn: BatchNorm2D<number>, x: Traced, residual: Traced | undefined) => Traced,
): Record<string, Uint32Array> {
  const rng = seeded(shape.reduce<number>((a, b) => a * 31 + b, 7));
  const n = shape.reduce<number>((a, b) => a * b, 1);
  const input = values(rng, n, 2, 0.5);
  const residual = values(rng, n);
  const weights = values(rng, n);
  // Zeros of both signs in the result, and nonfinite values.
  if (special) {
    input.set([NaN, Infinity].slice(0, n), 0);
    residual.fill(-Infinity, n - 1);
    weights.fill(NaN, n >> 1, (n >> 1) + 1);
  }
  const bn = new BatchNorm2D<number>(shape[1], { momentum: 0.3 });
  bn.scale.data.set(values(rng, shape[1]));
  bn.bias.data.set(values(rng, shape[1], 0.5));
  const x: Image = Tensor.from(input, shape);
  const a: Image = Tensor.from(residual, shape);
  const y = layer(bn, x.trace(), adding ? a.trace() : undefined);
  const before = bits(y.data);
  const gradients = backward(y.mul(Tensor.from(weights, shape)).sum());
  return {
    y: before,
    runningMean: bits(bn.runningMean.data),
    runningVar: bits(bn.runningVar.data),
    dx: bits(gradients.get(x)?.data),
    dscale: bits(gradients.get(bn.scale)?.data),
    dbias: bits(gradients.get(bn.bias)?.data),
    dresidual: bits(gradients.get(a)?.data),
  };
}
type Traced = Tensor4D<number, number, number, number, OwnedTape>;

const shapes: readonly (readonly [number, number, number, number])[] = [
  [2, 1, 1, 1],
  [5, 19, 1, 1],
  [2, 3, 1, 2],
  [3, 5, 3, 3],
  [4, 9, 7, 7],
  [1, 4, 5, 13],
  [2, 2, 112, 112],
];

describe('batchNormReluTraining', () => {
  for (const adding of [false, true]) {
    for (const special of [false, true]) {
      it(`is bit-identical to the separate operations${adding ? ', with a sum' : ''}${special ? ', with NaN and Inf' : ''}`, () => {
        for (const shape of shapes) {
          const chain = step(shape, special, adding, (bn, x, residual) => {
            const y = bn.forwardMut(x);
            return (residual === undefined ? y : y.add(residual)).relu();
          });
          const fused = step(shape, special, adding, (bn, x, residual) => bn.forwardMutRelu(x, residual));
          for (const name of Object.keys(chain)) {
            expect(fused[name], `${name} of ${shape.join('x')}`).to.deep.equal(chain[name]);
          }
        }
      });
    }
  }

  it('has gradients that match finite differences', () => {
    const x = Tensor.from(values(seeded(3), 3 * 2 * 5, 1), [3, 2, 1, 5]);
    const residual = Tensor.from(values(seeded(4), 3 * 2 * 5, 1), [3, 2, 1, 5]);
    const bn = new BatchNorm2D(2, { momentum: 0 });
    // No result within h of ReLU's kink, where differences average both slopes.
    bn.bias.data.set([2.5, -0.21]);
    const image = (t: Tensor<Shape, OwnedTape>) => t.reshape([3, 2, 1, 5]);
    const h = 2e-3;
    checkGradients(([a]) => bn.forwardMutRelu(image(a)).square().mean(), [x], 2e-3, h);
    checkGradients(([a, b]) => bn.forwardMutRelu(image(a), image(b)).square().mean(), [x, residual], 2e-3, h);
  });

  it('accepts a residual without a tape, and x itself', () => {
    const x = Tensor.from(values(seeded(5), 24), [3, 2, 2, 2]);
    const constant = Tensor.from(values(seeded(6), 24), [3, 2, 2, 2]);
    const bn = new BatchNorm2D(2);
    const chain = bn.clone();
    const y = bn.forwardMutRelu(x.trace(), constant);
    expectNear(y.data, chain.forwardMut(x.trace()).add(constant).relu().data, 0);
    const traced = x.trace();
    const dx = backward(bn.forwardMutRelu(traced, traced).square().sum()).get(x);
    const again = x.trace();
    const expected = backward(chain.forwardMut(again).add(again).relu().square().sum()).get(x);
    expect(dx?.array()).to.deep.equal(expected?.array());
  });

  it('needs no memory for the intermediate results of the separate operations', () => {
    const x = Tensor.from(values(seeded(5), 2 * 4 * 64 * 64), [2, 4, 64, 64]);
    const bytes = (run: (bn: BatchNorm2D<4>) => Tensor4D<2, 4, 64, 64, OwnedTape>): number => {
      const bn = new BatchNorm2D(4);
      storagePool.clear();
      const y = run(bn);
      // All tensors of the graph have been released to the pool.
      backward(y.sum());
      return storagePool.bytes;
    };
    const chain = bytes((bn) => bn.forwardMut(x.trace()).relu());
    const fused = bytes((bn) => bn.forwardMutRelu(x.trace()));
    const tensor = 4 * 2 * 4 * 64 * 64;
    expect(chain - fused).to.be.at.least(tensor - 1024);
    const chainOfThree = bytes((bn) => bn.forwardMut(x.trace()).add(x).relu());
    const fusedOfThree = bytes((bn) => bn.forwardMutRelu(x.trace(), x));
    expect(chainOfThree - fusedOfThree).to.be.at.least(2 * tensor - 1024);
  });

  it('refuses a parameter that was updated before backward', () => {
    const bn = new BatchNorm2D(2);
    const x = Tensor.from(values(seeded(5), 24), [3, 2, 2, 2]);
    const loss = bn.forwardMutRelu(x.trace()).sum();
    bn.resetParams();
    expectError(() => backward(loss), Error, 'scale of BatchNorm2D unchanged');
  });

  it('refuses mismatched shapes and changes nothing', () => {
    const bn = new BatchNorm2D(2);
    const x = Tensor.zeros([3, 2, 2, 2]);
    const before = JSON.stringify(bn);
    const train = (bn.forwardMutRelu as Untyped).bind(bn);
    const infer = (bn.forwardRelu as Untyped).bind(bn);
    const other = Tensor.zeros([3, 2, 2, 1]);
    expectError(() => train(x), TypeError, 'trace()');
    expectError(() => train(5), TypeError, 'for x', '5');
    expectError(() => train(x.trace(), other), RangeError, 'residual', '[3, 2, 2, 2]', '[3, 2, 2, 1]');
    expectError(() => train(x.trace(), null), TypeError, 'residual', 'null');
    expectError(() => train(Tensor.zeros([1, 2, 1, 1]).trace()), RangeError, 'two values');
    expectError(() => train(Tensor.zeros([1, 3, 2, 2]).trace()), RangeError, '2 channels');
    expectError(() => infer(x.trace()), TypeError, 'forwardMut');
    expectError(() => infer(x, x.trace()), TypeError, 'tape');
    expectError(() => infer(x, other), RangeError, 'residual');
    expect(JSON.stringify(bn)).to.equal(before);
  });
});

describe('batchNormReluInference', () => {
  it('is bit-identical to the separate operations', () => {
    for (const shape of shapes) {
      const n = shape.reduce<number>((a, b) => a * b, 1);
      const input = values(seeded(n), n, 2);
      const residual = values(seeded(n + 1), n);
      input[0] = NaN;
      residual[n - 1] = Infinity;
      const x: Image = Tensor.from(input, shape);
      const a: Image = Tensor.from(residual, shape);
      const bn = new BatchNorm2D<number>(shape[1]);
      bn.runningMean.data.fill(0.25);
      bn.runningVar.data.fill(1.5);
      bn.scale.data.set(values(seeded(n + 2), shape[1]));
      const name = shape.join('x');
      expect(bits(bn.forwardRelu(x).data), name).to.deep.equal(bits(bn.forward(x).relu().data));
      expect(bits(bn.forwardRelu(x, a).data), name).to.deep.equal(bits(bn.forward(x).add(a).relu().data));
    }
  });

  it('accepts an empty batch and a single image', () => {
    const bn = new BatchNorm2D(2);
    expect(bn.forwardRelu(Tensor.zeros([0, 2, 2, 2])).shape).to.deep.equal([0, 2, 2, 2]);
    expect(bn.forwardRelu(Tensor.ones([2, 1, 1])).shape).to.deep.equal([2, 1, 1]);
  });
});
