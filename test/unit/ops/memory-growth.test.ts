import { backend, backward, concat, crossEntropyWithLogitsLoss, storagePool, Tensor } from 'batchnorm';
import { WasmInstance } from '#lib/backend/wasm/instance';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';

// Operations whose numbers other tests compare with references. Each computes from views of tensors and allocates, too.
const input = (...shape: [number, number]) => Tensor.from(values(seeded(1), shape[0] * shape[1]), shape);

const gradientOf = (x: Tensor<[number, number]>, loss: Parameters<typeof backward>[0]): unknown =>
  backward(loss).get(x)?.array();

const cases: Readonly<Record<string, () => unknown>> = {
  'the gradient of a mean over an axis': () => {
    const x = input(40, 50);
    return gradientOf(x, x.trace().mean({ axes: 0 }).square().sum());
  },
  'the gradient of a broadcast column': () => {
    const x = input(40, 1);
    return gradientOf(x, x.trace().add(input(40, 50)).square().sum());
  },
  'the gradient of concat': () => {
    const x = input(40, 50);
    return gradientOf(
      x,
      concat([x.trace(), input(40, 50)], { axis: 1 })
        .square()
        .sum(),
    );
  },
  'a loss on smoothed probabilities': () => {
    const options = { labelSmoothing: 0.1 };
    return crossEntropyWithLogitsLoss(input(40, 50), input(40, 50).softmax(), options).item();
  },
};

describe('operations during which the memory of WebAssembly grows', () => {
  before(function () {
    if (backend.name !== 'wasm') this.skip();
  });

  for (const [name, compute] of Object.entries(cases)) {
    it(name, () => {
      const expected = compute();
      const allocate = Object.getOwnPropertyDescriptor(WasmInstance.prototype, 'allocate') as {
        value: (bytes: number) => number;
      };
      storagePool.clear();
      WasmInstance.prototype.allocate = function (this: WasmInstance, bytes) {
        const address = allocate.value.call(this, bytes);
        this.emptyViews();
        return address;
      };
      try {
        expect(compute()).to.deep.equal(expected);
      } finally {
        WasmInstance.prototype.allocate = allocate.value;
      }
    });
  }
});
