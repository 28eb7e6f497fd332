import { backward, BatchNorm2D, LayerNorm, type OwnedTape, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { layerCases } from '../../support/layers.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

type Pass = (x: unknown) => Tensor<readonly number[], OwnedTape>;

/** A training step of a layer: the output, the gradients, and the layer as JSON after it. */
function train(layer: object, x: Tensor<readonly number[]>): unknown {
  const { forward, forwardMut } = layer as { forward: Pass; forwardMut?: Pass };
  const y = (forwardMut ?? forward).call(layer, x.trace());
  const output = [...y.data];
  const gradient = backward(y.square().mean()).get(x);
  return { output, gradient: gradient === undefined ? undefined : [...gradient.data], layer };
}

describe('Object.freeze() of a layer', () => {
  // Dropout draws other random numbers in every pass.
  const deterministic = () =>
    layerCases(seeded(5)).filter(([layer]) => !layer.constructor.name.startsWith('Dropout'));
  const cases = deterministic();
  const frozenCases = deterministic();
  for (const [i, [layer, shape]] of cases.entries()) {
    it(`does not change how ${layer.constructor.name} trains, nor its copy (${i})`, () => {
      const x = Tensor.from(
        values(
          seeded(3),
          shape.reduce((a, b) => a * b),
        ).map((value) => Math.abs(value) + 0.1),
        shape,
      );
      const frozen = Object.freeze(frozenCases[i][0]);
      expect(JSON.stringify(train(frozen, x))).to.equal(JSON.stringify(train(layer, x)));
      const copy = frozen.clone();
      const before = JSON.stringify(copy);
      train(frozen, x);
      expect(JSON.stringify(copy)).to.equal(before);
      expect(JSON.stringify(train(copy, x))).to.equal(JSON.stringify(train(layer, x)));
    });
  }

  const folder = temporaryDirectory();
  it('leaves the settings of norms writable, by assignment and by loading', async () => {
    const norm = new BatchNorm2D(3);
    Object.freeze(norm);
    norm.momentum = 'cumulative';
    norm.epsilon = 0.5;
    const rows = new LayerNorm(3);
    Object.freeze(rows);
    rows.epsilon = 0.25;
    await norm.save(folder('norm.npz'));
    const other = Object.freeze(new BatchNorm2D(3));
    await other.load(folder('norm.npz'));
    expect([other.momentum, other.epsilon, rows.epsilon]).to.deep.equal(['cumulative', 0.5, 0.25]);
    expect([new BatchNorm2D(3).momentum, new BatchNorm2D(3).epsilon]).to.deep.equal([0.1, 1e-5]);
  });
});
