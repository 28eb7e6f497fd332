import {
  BatchNorm2D,
  Conv1D,
  Conv2D,
  ConvTranspose2D,
  FrozenBatchNorm2D,
  GeneralizedResidual,
  Linear,
  type NamedTensor,
  type RandomSource,
  Residual,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { expectNear } from '../../support/expect-near.js';

interface Resettable {
  parameters(): readonly NamedTensor[];
  resetParams(rng: RandomSource): void;
}

/** Layers with random initial parameters, and the bound that a draw of 1 would reach. */
const drawing: readonly (readonly [string, Resettable, number])[] = [
  ['Linear', new Linear(4, 3), 1 / Math.sqrt(4)],
  ['Conv1D', new Conv1D(4, 6, 5, { groups: 2 }), 1 / Math.sqrt(10)],
  ['ConvTranspose2D', new ConvTranspose2D(6, 4, 3, { groups: 2 }), 1 / Math.sqrt(18)],
  ['Conv2D', new Conv2D(2, 3, 3), 1 / Math.sqrt(18)],
  ['Conv2D without bias', new Conv2D(2, 3, 3, { bias: false }), 1 / Math.sqrt(18)],
];

/** Sets every parameter to a value that no layer starts with. */
function disturb(module: Resettable): void {
  for (const [, tensor] of module.parameters()) tensor.data.fill(7);
}

describe('resetParams', () => {
  it('restores all four tensors and the batch count of BatchNorm2D in place', () => {
    const bn = new BatchNorm2D(2, { momentum: 'cumulative', epsilon: 0.5 });
    const before = bn.parameters().map(([, tensor]) => tensor);
    bn.forwardMut(Tensor.from([1, 2, 3, 4], [2, 2, 1, 1]).trace());
    disturb(bn);
    bn.resetParams();
    expect(bn.parameters().map(([, tensor]) => tensor)).to.deep.equal(before);
    expect(bn.scale.array()).to.deep.equal([1, 1]);
    expect(bn.bias.array()).to.deep.equal([0, 0]);
    expect(bn.runningMean.array()).to.deep.equal([0, 0]);
    expect(bn.runningVar.array()).to.deep.equal([1, 1]);
    expect(bn.toJSON().batches).to.equal(0);
    // Settings are not reset.
    expect([bn.epsilon, bn.momentum]).to.deep.equal([0.5, 'cumulative']);
    // A batch count left at 1 would give the first batch after the reset half of the weight.
    bn.forwardMut(Tensor.from([4, 8, 6, 10], [2, 2, 1, 1]).trace());
    expect(bn.runningMean.array()).to.deep.equal([5, 9]);
    expect(bn.runningVar.array()).to.deep.equal([2, 2]);
  });

  for (const [name, layer, bound] of drawing) {
    it(`redraws every value of ${name} in the order of parameters()`, () => {
      const before = layer.parameters().map(([, tensor]) => tensor);
      disturb(layer);
      let drawn = 0;
      const count = before.reduce((sum, tensor) => sum + tensor.data.length, 0);
      layer.resetParams(() => drawn++ / count);
      expect(drawn).to.equal(count);
      expect(layer.parameters().map(([, tensor]) => tensor)).to.deep.equal(before);
      const found = before.flatMap((tensor) => [...tensor.data]);
      expectNear(
        found,
        Array.from({ length: count }, (_, i) => ((2 * i) / count - 1) * bound),
        1e-7,
      );
    });
  }

  it('leaves the tensors of FrozenBatchNorm2D unchanged', () => {
    const frozen = FrozenBatchNorm2D.from(new BatchNorm2D(2), { trainable: true });
    disturb(frozen);
    frozen.resetParams();
    for (const [name, tensor] of frozen.parameters()) {
      expect(tensor.array(), name).to.deep.equal([7, 7]);
    }
  });

  const rng = () => 0.75;
  const compositions: Readonly<Record<string, Resettable>> = {
    Sequential: new Sequential(new Conv2D(1, 2, 1), new BatchNorm2D(2), new BatchNorm2D(2)),
    Residual: new Residual(new Sequential(new BatchNorm2D(2), new Conv2D(2, 2, 1))),
    GeneralizedResidual: new GeneralizedResidual(new Conv2D(2, 2, 1), new BatchNorm2D(2)),
  };
  for (const [name, composition] of Object.entries(compositions)) {
    it(`resets every tensor in all parts of ${name}`, () => {
      disturb(composition);
      composition.resetParams(rng);
      const starts: Readonly<Record<string, number>> = {
        ...{ scale: 1, bias: 0, runningMean: 0, runningVar: 1 },
      };
      const names = composition.parameters().map(([path]) => path);
      for (const [path, tensor] of composition.parameters()) {
        const last = path.slice(path.lastIndexOf('.') + 1);
        const norm = names.includes(path.replace(/\w+$/, 'runningVar'));
        const values = [...tensor.data];
        if (norm) {
          expect(values, path).to.deep.equal(values.map(() => starts[last]));
        } else {
          // 0.75 is halfway between 0 and the bound 1/sqrt(inputs), for 1 or 2 inputs here.
          const inputs = composition instanceof Sequential ? 1 : 2;
          expectNear(
            values,
            values.map(() => 0.5 / Math.sqrt(inputs)),
            1e-7,
            path,
          );
        }
      }
    });
  }
});
