import {
  BatchNorm2D,
  type LoadFromNpz,
  loadCheckpoint,
  loadNpz,
  loadSafetensors,
  type NpzReader,
  type Resumable,
  saveCheckpoint,
  saveSafetensors,
  Sequential,
  type Training,
} from 'batchnorm';
import { expect } from 'chai';
import { expectRejection } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { bitsOf, makeRun, saveRun, train } from './train-and-resume.js';

type Run = ReturnType<typeof makeRun>;

/** A part of a checkpoint without entries, whose load applies `change`. */
function part(change: () => void, undo?: () => void): Resumable {
  return {
    write: () => undefined,
    read(zip: NpzReader) {
      zip.change(change, undo);
      return Promise.resolve();
    },
  };
}

function fail(): never {
  throw new Error('out of order');
}

describe('loadCheckpoint changes everything or nothing', () => {
  const path = temporaryDirectory();
  let saved = '';

  before(async () => {
    saved = path('saved.npz');
    const run = makeRun('adam', 1);
    train(run, 1);
    await saveRun(saved, run);
  });

  /** Loading must fail with this message and leave a differently trained run unchanged. */
  async function expectUntouched(
    change: (run: Run) => Training,
    type: new (...args: never[]) => Error,
    ...parts: string[]
  ): Promise<void> {
    const run = makeRun('adam', 2);
    train(run, 2);
    const training = change(run);
    const before = bitsOf(run);
    await expectRejection(loadCheckpoint(saved, training), type, ...parts);
    expect(bitsOf(run)).to.deep.equal(before);
  }

  /** The run's `progress` with this property as its second number, which is the last change of a load. */
  const withLastLoss = (descriptor: PropertyDescriptor) => (run: Run) => {
    Object.defineProperty(run.training.progress, 'lastLoss', { enumerable: true, ...descriptor });
    return run.training;
  };

  it('if progress is frozen', () =>
    expectUntouched(
      ({ training }) => {
        Object.freeze(training.progress);
        return training;
      },
      TypeError,
      'for progress.epoch',
      'read-only',
    ));

  it('if a number of progress is read-only', () =>
    expectUntouched(
      withLastLoss({ value: 3, writable: false }),
      TypeError,
      'for progress.lastLoss',
      'read-only',
    ));

  it('if a number of progress has only a getter', () =>
    expectUntouched(withLastLoss({ get: () => 3 }), TypeError, 'for progress.lastLoss', 'read-only'));

  it('if a setter of progress throws', () =>
    expectUntouched(withLastLoss({ get: () => 3, set: fail }), Error, 'out of order'));

  it('if a setter of progress throws after it has changed its number', () => {
    let number = 3;
    const set = (value: number) => {
      number = value;
      if (value !== 3) fail();
    };
    return expectUntouched(withLastLoss({ get: () => number, set }), Error, 'out of order');
  });

  it('if progress is a proxy that refuses the change', () =>
    expectUntouched(
      ({ training }) => ({
        ...training,
        progress: new Proxy(training.progress, { set: () => false }),
      }),
      TypeError,
      "'epoch'",
    ));

  it('if a generator rejects its state after it has applied it', () =>
    expectUntouched(
      ({ training }) => {
        const { dropout } = training.generators;
        const before = [...dropout.getState()];
        const setState = (state: readonly number[]) => {
          dropout.setState(state);
          if (String(state) !== String(before)) fail();
        };
        return {
          ...training,
          generators: {
            ...training.generators,
            dropout: { getState: () => dropout.getState(), setState },
          },
        };
      },
      Error,
      'out of order',
    ));

  it('if a user-defined part throws', () =>
    expectUntouched(
      ({ training }) => ({ ...training, parts: { ...training.parts, mine: part(fail) } }),
      Error,
      'out of order',
    ));

  it("if the optimizer refuses the schedule's learning rate", () =>
    expectUntouched(
      ({ training }) => {
        const { optimizer } = training;
        const before = optimizer.lr;
        const set = (value: number) => {
          Adam.set.call(optimizer, value);
          if (value !== before) fail();
        };
        const Adam = Object.getOwnPropertyDescriptor(
          Object.getPrototypeOf(optimizer),
          'lr',
        ) as Required<PropertyDescriptor>;
        Object.defineProperty(optimizer, 'lr', {
          get: () => Adam.get.call(optimizer) as number,
          set,
        });
        return training;
      },
      Error,
      'out of order',
    ));

  it('if memory is transferred while the file is read', async () => {
    const run = makeRun('adam', 2);
    const victim = run.training.model.layers[4].bias;
    const { bias, scale } = run.training.model.layers[0];
    const before = [...bias.data, ...scale.data];
    const stealing: Resumable = {
      write: () => undefined,
      read() {
        structuredClone(victim.data, { transfer: [victim.data.buffer as ArrayBuffer] });
        return Promise.resolve();
      },
    };
    const parts = { ...run.training.parts, stealing };
    await expectRejection(loadCheckpoint(saved, { ...run.training, parts }), Error);
    expect([...bias.data, ...scale.data]).to.deep.equal(before);
    expect(run.training.progress).to.deep.equal({ epoch: 0, lastLoss: Infinity });
  });

  it('and applies changes without an undo last', async () => {
    const calls: string[] = [];
    const run = makeRun('adam', 2);
    const { model } = run.training;
    const before = model.layers[0].bias.clone().array();
    await loadCheckpoint(saved, {
      ...run.training,
      parts: {
        mine: part(() =>
          calls.push(
            `loaded: ${model.layers[0].bias.array() !== before}, epoch ${run.training.progress.epoch}`,
          ),
        ),
        ...run.training.parts,
      },
    });
    expect(calls).to.deep.equal(['loaded: true, epoch 1']);
  });

  it('and undoes changes in reverse order', async () => {
    const calls: string[] = [];
    const noting = (name: string) =>
      part(
        () => calls.push(name),
        () => calls.push(`undo ${name}`),
      );
    const { training } = makeRun('adam', 2);
    const failing = part(fail, () => calls.push('undo failing'));
    const parts = { ...training.parts, a: noting('a'), b: noting('b'), failing, c: noting('c') };
    await expectRejection(loadCheckpoint(saved, { ...training, parts }), Error, 'out of order');
    expect(calls).to.deep.equal(['a', 'b', 'undo failing', 'undo b', 'undo a']);
  });

  it('and writes to writable objects', async () => {
    const [run, expected] = [makeRun('adam', 2), makeRun('adam', 3)];
    await loadCheckpoint(saved, expected.training);
    Object.seal(run.training.progress);
    const own: Record<string, number> = {};
    let lastLoss = 1;
    Object.defineProperty(own, 'epoch', { value: 0, writable: true, enumerable: true });
    Object.defineProperty(own, 'lastLoss', {
      get: () => lastLoss,
      set: (value: number) => (lastLoss = value),
      enumerable: true,
    });
    Object.preventExtensions(own);
    await loadCheckpoint(saved, run.training);
    expect(bitsOf(run)).to.deep.equal(bitsOf(expected));
    await loadCheckpoint(saved, { ...run.training, progress: own });
    expect({ ...own }).to.deep.equal(expected.training.progress);
  });

  it('and saves a frozen progress', async () => {
    const { training } = makeRun('sgd', 1);
    await saveCheckpoint(path('frozen.npz'), {
      ...training,
      progress: Object.freeze({ epoch: 4 }),
    });
    const progress = { epoch: 0 };
    await loadCheckpoint(path('frozen.npz'), { ...training, progress });
    expect(progress.epoch).to.equal(4);
  });
});

describe('a load that fails at the last change', () => {
  const path = temporaryDirectory();
  const trained = () => {
    const bn = new BatchNorm2D(3, { epsilon: 0.5, momentum: 'cumulative' });
    for (const [i, [, tensor]] of bn.parameters().entries()) tensor.data.fill(i + 2);
    return bn;
  };

  it('from .npz leaves tensors and settings unchanged', async () => {
    await trained().save(path('layer.npz'));
    const bn = new BatchNorm2D(3);
    const before = JSON.stringify(bn);
    const module: LoadFromNpz = {
      async read(zip) {
        await bn.read(zip, '');
        zip.change(fail);
      },
    };
    await expectRejection(loadNpz(path('layer.npz'), module), Error, 'out of order');
    expect(JSON.stringify(bn)).to.equal(before);
  });

  it('from safetensors leaves tensors and counters unchanged', async () => {
    const both = () => new Sequential(trained(), new BatchNorm2D(3));
    await saveSafetensors(path('net.safetensors'), both());
    const net = new Sequential(new BatchNorm2D(3), new BatchNorm2D(3));
    const [first, second] = net.layers;
    const before = JSON.stringify(first);
    const { data } = second.bias;
    const transferring = { parameters: () => net.parameters() };
    const loading = loadSafetensors(path('net.safetensors'), transferring);
    structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
    await expectRejection(loading, Error);
    expect(JSON.stringify(first)).to.equal(before);
  });

  it('refuses an undo that is not a function', async () => {
    await trained().save(path('layer.npz'));
    const read = (zip: NpzReader) => {
      zip.change(fail, 1 as never);
      return Promise.resolve();
    };
    await expectRejection(loadNpz(path('layer.npz'), { read }), TypeError, 'for undo');
  });
});
