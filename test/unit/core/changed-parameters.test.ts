import {
  Adam,
  backward,
  BatchNorm2D,
  Conv2D,
  Linear,
  loadCheckpoint,
  loadSafetensors,
  type NamedTensor,
  recalibrate,
  RMSprop,
  saveCheckpoint,
  saveSafetensors,
  Sequential,
  Sgd,
  Tensor,
  updateParameter,
} from 'batchnorm';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { seeded, values } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const x = Tensor.from(values(seeded(1), 16), [2, 2, 2, 2]);

/** A graph that has saved the tensor, so that backward would read it. */
const save = (tensor: NamedTensor[1]) => tensor.clone().trace().mul(tensor).sum();

/** Expects backward to refuse each of these tensors of a module by name after a change in place. */
async function expectNoticed(
  module: { parameters(): readonly NamedTensor[] },
  names: readonly string[],
  change: () => unknown,
): Promise<void> {
  const chosen = module.parameters().filter(([name]) => names.includes(name));
  expect(chosen.map(([name]) => name)).to.deep.equal(names);
  const losses = chosen.map(([name, tensor]) => [name, save(tensor)] as const);
  await change();
  for (const [name, loss] of losses) {
    expectError(() => backward(loss), Error, name.slice(name.lastIndexOf('.') + 1), 'updated in between');
  }
}

const all = ['scale', 'bias', 'runningMean', 'runningVar'];
const statistics = ['runningMean', 'runningVar'];

describe('backward notices a parameter that changed after the graph saved it:', () => {
  const path = temporaryDirectory();

  it('by load', async () => {
    const bn = new BatchNorm2D(2);
    await bn.save(path('bn.npz'));
    await expectNoticed(bn, all, () => bn.load(path('bn.npz')));
  });

  it('by loadSafetensors', async () => {
    const bn = new BatchNorm2D(2);
    await saveSafetensors(path('bn.safetensors'), bn);
    await expectNoticed(bn, all, () => loadSafetensors(path('bn.safetensors'), bn));
  });

  it('by loadCheckpoint', async () => {
    const linear = new Linear(2, 3);
    await saveCheckpoint(path('checkpoint.npz'), { model: linear });
    await expectNoticed(linear, ['weight', 'bias'], () =>
      loadCheckpoint(path('checkpoint.npz'), { model: linear }),
    );
  });

  it('by resetParams of BatchNorm2D', async () => {
    const bn = new BatchNorm2D(2);
    await expectNoticed(bn, all, () => bn.resetParams());
  });

  it('by resetParams of Linear', async () => {
    const linear = new Linear(2, 3);
    await expectNoticed(linear, ['weight', 'bias'], () => linear.resetParams(Math.random));
  });

  it('by resetParams of Conv2D', async () => {
    const conv = new Conv2D(2, 3, 3);
    await expectNoticed(conv, ['weight', 'bias'], () => conv.resetParams(Math.random));
  });

  it('by forwardMut, which moves the running statistics', async () => {
    const bn = new BatchNorm2D(2);
    await expectNoticed(bn, statistics, () => bn.forwardMut(x.trace()));
  });

  it('by forwardMutRelu, which moves the running statistics', async () => {
    const bn = new BatchNorm2D(2);
    await expectNoticed(bn, statistics, () => bn.forwardMutRelu(x.trace()));
  });

  it('by recalibrate', async () => {
    const bn = new BatchNorm2D(2);
    await expectNoticed(bn, statistics, () => recalibrate(bn, [x]));
  });

  it('by a composition that restores statistics after a layer threw', async () => {
    const bn = new BatchNorm2D(2);
    const between: ReturnType<typeof save>[] = [];
    const failing = {
      forward(): Tensor<readonly [2, 2, 2, 2]> {
        between.push(save(bn.runningMean), save(bn.runningVar));
        throw new Error('on purpose');
      },
    };
    const net = new Sequential(bn, failing);
    await expectNoticed(bn, statistics, () => {
      expectError(() => net.forwardMut(x.trace() as never), Error, 'on purpose');
    });
    // A graph that read the moved values before they were restored.
    expect(between).to.have.length(2);
    for (const loss of between) expectError(() => backward(loss), Error, 'updated in between');
  });

  for (const optimizer of [new Sgd(), new Adam(), new RMSprop()]) {
    it(`by update of ${optimizer.constructor.name}`, async () => {
      const linear = new Linear(4, 3);
      const rows = Tensor.ones([2, 4]);
      await expectNoticed(linear, ['weight', 'bias'], () =>
        optimizer.update(linear, backward(linear.forward(rows.trace()).square().mean())),
      );
    });
  }

  it('by updateParameter with a user-defined provider', async () => {
    const linear = new Linear(1, 1);
    const provider = { gradient: (parameter: NamedTensor[1]) => parameter.clone() as never };
    const { UnusedTensors } = await import('batchnorm');
    await expectNoticed(linear, ['weight'], () =>
      updateParameter(linear.weight, provider, new UnusedTensors()),
    );
  });

  it('but accepts unchanged parameters', () => {
    const bn = new BatchNorm2D(2);
    const losses = bn.parameters().map(([, tensor]) => save(tensor));
    bn.forward(x);
    bn.clone();
    JSON.stringify(bn);
    for (const loss of losses) backward(loss);
  });
});
