import { compile, fold, Sequential, setNumThreads, type Shape, Tensor } from 'batchnorm';
import { backend } from '#lib/backend/index';
import { setPartLength } from '#lib/plan/divide';
import { expect } from 'chai';
import { seeded, values } from '../../support/random.js';
import { handFolded } from './hand-folded.js';
import { type Model, type ModelCase, modelCases } from './models.js';

const sizeOf = (shape: Shape) => shape.reduce((product, size) => product * size, 1);

function inputOf(shape: Shape, seed: number): Tensor<Shape> {
  return Tensor.from(values(seeded(seed), sizeOf(shape)), shape);
}

/** The model that a plan must agree with: folded by `fold` or by hand, if it has batch norms to fold. */
function reference(model: Model): Model {
  if (!(model instanceof Sequential)) return handFolded(model);
  try {
    return fold(model as never);
  } catch {
    return model;
  }
}

function expectBits(actual: Tensor<Shape>, expected: Tensor<Shape>): void {
  expect(actual.shape).to.deep.equal(expected.shape);
  const bits = ({ data }: Tensor<Shape>) => new Uint32Array(data.buffer, data.byteOffset, data.length);
  expect([...bits(actual)]).to.deep.equal([...bits(expected)]);
}

for (const [how, partLength] of [
  ['', undefined],
  [', sample by sample if it can be', 1],
] as const) {
  describe(`a plan is bit-identical to fold(model).forward(x)${how}:`, () => {
    const { threads } = backend.info;
    before(() => setPartLength(partLength));
    after(() => {
      setPartLength();
      setNumThreads(threads);
    });

    for (const each of modelCases()) it(each.name, () => expectBitsOfPlan(each));
  });
}

async function expectBitsOfPlan({ model, shape }: ModelCase): Promise<void> {
  const plan = compile(model as never, shape) as unknown as {
    runSync(x: Tensor<Shape>): Tensor<Shape>;
    run(x: Tensor<Shape>): Promise<Tensor<Shape>>;
    dispose(): Promise<void>;
  };
  const expected = reference(model);
  for (const size of [shape[0], 1, 2]) {
    const x = inputOf([size, ...shape.slice(1)], size);
    const y = expected.forward(x);
    for (const count of backend.info.name === 'native' ? [1, 3] : [1]) {
      setNumThreads(count);
      expectBits(plan.runSync(x), y);
      expectBits(await plan.run(x), y);
    }
  }
  await plan.dispose();
}
