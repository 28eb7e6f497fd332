import { existsSync, readFileSync } from 'node:fs';
import {
  backward,
  BatchNorm2D,
  LearningRateScheduler,
  Linear,
  loadCheckpoint,
  loadNpz,
  type LoadFromNpz,
  NpzReader,
  type NpzWriter,
  Residual,
  saveCheckpoint,
  saveNpz,
  type Schedule,
  Sequential,
  Sgd,
  Tensor,
  updateParameter,
  UnusedTensors,
} from 'batchnorm';
import { expect } from 'chai';
import type { Untyped } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Two asynchronous results: a value, and a rejection that must not stay unhandled. */
const promises: Readonly<Record<string, Untyped>> = {
  resolves: () => Promise.resolve(),
  rejects: () => Promise.reject(new Error('too late')),
};

async function failureOf(act: () => unknown): Promise<{ code?: unknown; message: string }> {
  try {
    await act();
  } catch (error) {
    return error as { code?: unknown; message: string };
  }
  throw new Error('Expected an error');
}

async function expectRefused(act: () => unknown, method: string): Promise<void> {
  const { code, message } = await failureOf(act);
  expect(message).to.include(`Expected ${method} to be synchronous but it returned a promise`);
  expect(code).to.equal('ERR_BATCHNORM_TYPE');
}

describe('a promise from a method that must be synchronous', () => {
  const path = temporaryDirectory();
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);

  before(() => process.on('unhandledRejection', note));
  after(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).to.deep.equal([]);
  });

  for (const [outcome, promised] of Object.entries(promises)) {
    /** A module whose `method` returns the promise and that otherwise behaves like a layer. */
    const layerWith = (method: string, layer = new Linear(2, 2)) =>
      Object.assign(layer, { [method]: promised });

    it(`is an error of save() if write() ${outcome}, and the previous file stays`, async () => {
      const file = path(`save-${outcome}.npz`);
      await new Linear(2, 2).save(file);
      const old = readFileSync(file);
      await expectRefused(() => saveNpz(file, { write: promised }), 'write() of module');
      await expectRefused(() => layerWith('write').save(file), 'write() of module');
      for (const net of [new Sequential(layerWith('write')), new Residual(layerWith('write'))]) {
        await expectRefused(() => net.save(file), 'write()');
      }
      expect(readFileSync(file).equals(old)).to.equal(true);
    });

    it(`is an error of saveCheckpoint() if write() ${outcome}`, async () => {
      const file = path(`checkpoint-${outcome}.npz`);
      const model = new Linear(2, 2);
      const optimizer = Object.assign(new Sgd(), { write: promised });
      await expectRefused(() => saveCheckpoint(file, { model: layerWith('write') }), 'write() of model');
      await expectRefused(() => saveCheckpoint(file, { model, optimizer }), 'write() of optimizer');
      const part = Object.assign(new Linear(1, 1), { write: promised });
      await expectRefused(() => saveCheckpoint(file, { model, parts: { part } }), 'write() of parts.part');
      expect(existsSync(file)).to.equal(false);
    });

    it(`is an error of loadCheckpoint() if setState() ${outcome}, and nothing changes`, async () => {
      const file = path(`state-${outcome}.npz`);
      const generator = { getState: () => [1], setState: promised };
      await saveCheckpoint(file, { model: new Linear(2, 2), generators: { g: generator } });
      const model = new Linear(2, 2);
      const before = JSON.stringify(model);
      await expectRefused(
        () => loadCheckpoint(file, { model, generators: { g: generator } }),
        'setState() of generators.g',
      );
      expect(JSON.stringify(model)).to.equal(before);
    });

    it(`is an error if a change of a load ${outcome}`, async () => {
      await new Linear(2, 2).save(path('weights.npz'));
      const read = (zip: NpzReader) => {
        zip.change(promised);
        return Promise.resolve();
      };
      await expectRefused(() => loadNpz(path('weights.npz'), { read }, { extra: 'ignore' }), 'a change');
      const limits = { expected: 'a number', fits: promised as () => boolean };
      await saveNpz(path('number.npz'), { write: (zip) => zip.number('a.npy', 1) });
      await expectRefused(
        () =>
          loadNpz(path('number.npz'), {
            read: async (zip) => {
              await zip.number('a.npy', limits);
            },
          }),
        'fits() of limits',
      );
    });

    it(`is an error if a schedule ${outcome}`, async () => {
      const optimizer = { lr: 3 };
      const schedule = promised as Schedule;
      await expectRefused(() => new LearningRateScheduler(optimizer, schedule), 'schedule');
      expect(optimizer.lr).to.equal(3);
    });

    it(`is an error of an optimizer if update() ${outcome}, and nothing changes`, async () => {
      const x = Tensor.ones([1, 2]).trace();
      const layer = layerWith('update');
      const gradients = backward(layer.forward(x).sum());
      const before = JSON.stringify(layer);
      await expectRefused(() => new Sgd().update(layer, gradients), 'update() of module');
      await expectRefused(() => new Sgd().update(new Sequential(layer), gradients), 'update() of module');
      expect(JSON.stringify(layer)).to.equal(before);
      const provider = { gradient: () => undefined, step: promised as () => boolean };
      await expectRefused(
        () => updateParameter(Tensor.ones([1]), provider, new UnusedTensors()),
        'step() of provider',
      );
    });

    it(`is an error of a composition if resetParams() ${outcome}`, async () => {
      const net = new Sequential(layerWith('resetParams'));
      await expectRefused(() => net.resetParams(() => 0.5), 'resetParams()');
    });
  }
});

describe('a read() that does not await its reads', () => {
  const path = temporaryDirectory();
  const names = ['a.npy', 'b.npy', 'c.npy'];
  const written = {
    write(zip: NpzWriter) {
      for (const name of names) zip.tensor(name, Tensor.ones([2]));
    },
  };

  before(() => saveNpz(path('abc.npz'), written));

  async function expectNothingRead(read: LoadFromNpz['read'], tensors: readonly Tensor<readonly [2]>[]) {
    const failure = await failureOf(() => loadNpz(path('abc.npz'), { read }));
    // Nothing changes later either.
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const tensor of tensors) expect(tensor.array()).to.deep.equal([0, 0]);
    return failure;
  }

  const zeros = () => names.map(() => Tensor.zeros([2]));

  it('is an error that names the entry and changes nothing', async () => {
    const [a, b, c] = zeros();
    const read = async (zip: NpzReader) => {
      await zip.tensor('a.npy', a);
      void zip.tensor('b.npy', b).then(() => zip.tensor('c.npy', c));
    };
    const { code, message } = await expectNothingRead(read, [a, b, c]);
    expect(code).to.equal('ERR_BATCHNORM_TYPE');
    expect(message).to.include(
      'Expected read() to await everything that it reads but it ended before "b.npy"',
    );
  });

  it('changes nothing if another read fails first', async () => {
    const [a, b, c] = zeros();
    const read = async (zip: NpzReader) => {
      await Promise.all([
        zip.tensor('missing.npy', a),
        zip.tensor('a.npy', a),
        zip.tensor('b.npy', b).then(() => zip.tensor('c.npy', c)),
      ]);
    };
    const { code } = await expectNothingRead(read, [a, b, c]);
    expect(code).to.equal('ERR_BATCHNORM_FILE_FORMAT');
  });

  it('gets an error that the archive is closed, not that it is damaged', async () => {
    const zip = await NpzReader.open(path('abc.npz'));
    zip.close();
    const tensor = Tensor.zeros([2]);
    const { code, message } = await failureOf(() => zip.tensor('a.npy', tensor));
    expect(code).to.equal('ERR_BATCHNORM_DISPOSED');
    expect(message).to.include('was closed').and.to.include(path('abc.npz'));
    expect(tensor.array()).to.deep.equal([0, 0]);
  });

  it('may read in parallel if it awaits all reads', async () => {
    const tensors = zeros();
    await loadNpz(path('abc.npz'), {
      read: async (zip) => {
        await Promise.all(tensors.map((tensor, i) => zip.tensor(names[i], tensor)));
      },
    });
    for (const tensor of tensors) expect(tensor.array()).to.deep.equal([1, 1]);
    const bn = new BatchNorm2D(2);
    await bn.save(path('bn.npz'));
    await bn.load(path('bn.npz'));
  });
});
