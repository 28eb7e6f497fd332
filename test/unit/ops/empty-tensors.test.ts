import {
  AvgPool2D,
  AvgPoolGlobal,
  backward,
  BatchNorm2D,
  Conv2D,
  crossEntropyWithLogitsLoss,
  FrozenBatchNorm2D,
  klDivWithLogitsLoss,
  Linear,
  MaxPool2D,
  type OwnedTape,
  type Shape,
  storagePool,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';

const many = 2 ** 40;
type Taped = Tensor<Shape, OwnedTape>;

/** Far below the hours that a loop over the empty axes would take, even on a busy machine. */
function immediate(act: () => unknown): void {
  const begin = performance.now();
  act();
  expect(performance.now() - begin).to.be.below(30_000);
}

describe('tensors of 2^40 empty rows', function () {
  this.timeout(60_000);
  const matrix = Tensor.zeros([many, 0]) as Tensor<readonly [number, number]>;
  const differentiate = (f: (x: Taped) => Tensor<Shape, OwnedTape>) => () => {
    const gradient = backward(f(matrix.trace()).sum()).get(matrix);
    expect(gradient?.shape).to.deep.equal([many, 0]);
  };

  const operations: Record<string, () => unknown> = {
    logSoftmax: differentiate((x) => (x as Tensor<readonly [number, number], OwnedTape>).logSoftmax()),
    softmax: differentiate((x) => x.softmax()),
    'cross entropy': () => {
      // As every loss of nothing, which has no mean.
      expectError(
        () => crossEntropyWithLogitsLoss(matrix, matrix),
        RangeError,
        'one class',
        '1099511627776, 0',
      );
    },
    'KL loss': () => {
      expectError(() => klDivWithLogitsLoss(matrix, matrix), RangeError, 'one class', '1099511627776, 0');
    },
    'addition of a row': differentiate((x) => x.add(Tensor.zeros([0]) as never)),
    'multiplication with itself': differentiate((x) => x.mul(x as never)),
    exp: differentiate((x) => x.exp()),
    'matmul with an empty right operand': () => {
      const right = Tensor.zeros([0, 0]);
      const product = matrix.trace().matmul(right as never) as Taped;
      expect(product.shape).to.deep.equal([many, 0]);
      backward(product.sum());
    },
    'matmul of an empty tensor with 2^40 columns': () => {
      const y = Tensor.zeros([0, 0])
        .trace()
        .matmul(Tensor.zeros([0, many]));
      expect(y.shape).to.deep.equal([0, many]);
      backward(y.sum());
    },
    'matmul over 2^40 terms without rows': () => {
      const left = Tensor.zeros([0, many]);
      const right = Tensor.zeros([many, 0]);
      backward(left.trace().matmul(right).sum());
    },
    BatchNorm2D: () => {
      for (const shape of [
        [many, 3, 0, 2],
        [many, 3, 2, 0],
      ] as const) {
        expect(new BatchNorm2D(3).forward(Tensor.zeros(shape)).shape).to.deep.equal(shape);
      }
      expectError(
        () => new BatchNorm2D(3).forwardMut(Tensor.zeros([many, 3, 0, 2]).trace()),
        RangeError,
        'an empty batch',
      );
    },
    FrozenBatchNorm2D: () => {
      const bn = new FrozenBatchNorm2D(3, { trainable: true });
      backward(bn.forward(Tensor.zeros([many, 3, 0, 2]).trace()).sum());
    },
    'array()': () => {
      expectError(() => Tensor.zeros([many, 0]).array(), RangeError, 'Out of memory', '1099511627776, 0');
      expectError(() => Tensor.zeros([2 ** 31, 0]).array(), RangeError, 'Out of memory');
      expect(Tensor.zeros([0, many]).array()).to.deep.equal([]);
    },
    'Tensor.randn and Tensor.from': () => {
      expect(Tensor.randn([0, many]).data).to.have.length(0);
      expect(Tensor.from([], [many, 0]).data).to.have.length(0);
    },
  };
  for (const [name, act] of Object.entries(operations)) {
    it(`${name} is immediate`, () => {
      immediate(act);
    });
  }
});

describe('operations on empty batches write all their results', () => {
  /** Fills recycled memory of every size used below with a number that no operation returns. */
  function soil(): void {
    storagePool.clear();
    const sizes = [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 16, 18, 20, 24, 27, 32, 36, 54, 108];
    for (let copy = 0; copy < 4; copy++) {
      const tensors = sizes.map((size) => Tensor.from(new Float32Array(size).fill(12345), [size]));
      for (const tensor of tensors) tensor.dispose();
    }
  }

  const zeros = (n: number) => Array.from({ length: n }, () => 0);

  it('gives zero gradients for parameters', () => {
    const frozen = new FrozenBatchNorm2D(3, { trainable: true });
    const conv = new Conv2D(2, 3, 3, { padding: 1, bias: true });
    const linear = new Linear(4, 5);
    soil();
    for (const shape of [
      [0, 3, 2, 2],
      [4, 3, 0, 2],
    ] as const) {
      const gradients = backward(frozen.forward(Tensor.zeros(shape).trace()).sum());
      expect(gradients.get(frozen.scale)?.array()).to.deep.equal(zeros(3));
      expect(gradients.get(frozen.bias)?.array()).to.deep.equal(zeros(3));
    }
    const ofConv = backward(conv.forward(Tensor.zeros([0, 2, 4, 4]).trace()).sum());
    expect([...(ofConv.get(conv.weight)?.data ?? [])]).to.deep.equal(zeros(54));
    const ofLinear = backward(linear.forward(Tensor.zeros([0, 4]).trace()).sum());
    expect([...(ofLinear.get(linear.weight)?.data ?? [])]).to.deep.equal(zeros(20));
    expect(ofLinear.get(linear.bias)?.array()).to.deep.equal(zeros(5));
    const row = Tensor.from([1, 2, 3], [3]);
    const scalar = Tensor.from([2], []);
    const none = Tensor.zeros([0, 3]).trace();
    const ofRow = backward(none.mul(row).add(scalar).sum());
    expect(ofRow.get(row)?.array()).to.deep.equal([0, 0, 0]);
    expect(ofRow.get(scalar)?.item()).to.equal(0);
  });

  it('gives zeros for products without terms and for images of padding only', () => {
    soil();
    expect(
      Tensor.zeros([2, 0])
        .matmul(Tensor.zeros([0, 3]))
        .array(),
    ).to.deep.equal([zeros(3), zeros(3)]);
    const conv = new Conv2D(2, 3, 2, { padding: 1, bias: false });
    const x = Tensor.zeros([1, 2, 0, 2]);
    const y = conv.forward(x.trace());
    expect(y.shape).to.deep.equal([1, 3, 1, 3]);
    expect([...y.detach().data]).to.deep.equal(zeros(9));
    expect([...(backward(y.sum()).get(conv.weight)?.data ?? [])]).to.deep.equal(zeros(24));
  });

  it('gives no windows for no images, and refuses images without pixels', () => {
    const x = Tensor.zeros([0, 2, 4, 4]);
    for (const pool of [new MaxPool2D(2), new AvgPool2D(2)]) {
      expect(backward(pool.forward(x.trace()).sum()).get(x)?.shape).to.deep.equal([0, 2, 4, 4]);
    }
    expect(new AvgPoolGlobal().forward(x).shape).to.deep.equal([0, 2]);
    expectError(() => new AvgPoolGlobal().forward(Tensor.zeros([2, 2, 0, 4])), RangeError, 'one pixel');
  });

  it('gives 0 and NaN for the sum and the mean of no values', () => {
    soil();
    expect(Tensor.zeros([0]).sum().item()).to.equal(0);
    expect(Tensor.zeros([3, 0]).mean().item()).to.deep.equal(NaN);
  });
});
