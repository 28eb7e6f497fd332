import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { idxBytes } from '../../unit/examples/idx-files.js';
import { expectError, type Untyped } from '../../support/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { here, otherRealm, ownRealm, type Package, type Realm } from './realms.js';

const other = otherRealm();

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('Expected an error');
}

async function rejectionOf(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const fulfilled = Symbol('fulfilled');
  const result: unknown = await promise.then(
    () => fulfilled,
    (error: unknown) => error,
  );
  expect(result).to.not.equal(fulfilled);
  return result as Error & { code?: string };
}

describe('the package in another realm', () => {
  it('has its own classes and the same backend', () => {
    expect(other.there.Tensor.zeros([1]).data).to.not.be.instanceOf(Float32Array);
    expect(other.there.backend.name).to.equal(here.backend.name);
    expect(other.there.backend.isa).to.equal(here.backend.isa);
    expect(other.there.backend.reason).to.equal(here.backend.reason);
  });

  it('throws errors of its own realm', () => {
    let caught: unknown;
    try {
      (other.there.Tensor.from as Untyped)('x', [1]);
    } catch (error) {
      caught = error;
    }
    expect(caught).to.be.instanceOf(other.realm.TypeError);
    expect(caught).to.not.be.instanceOf(TypeError);
  });
});

suite('values of a vm context, the package outside', here, other.realm);
suite('values from outside, the package in a vm context', other.there, ownRealm);

function suite(title: string, batchnorm: Package, realm: Realm): void {
  const { Tensor } = batchnorm;

  describe(title, () => {
    const path = temporaryDirectory();

    it('become tensors', () => {
      expect(Tensor.from(realm.floats(1, 2), [2]).array()).to.deep.equal([1, 2]);
      expect(Tensor.from(realm.doubles(1, 2), [2]).array()).to.deep.equal([1, 2]);
      expect(Tensor.from(realm.bytes(1, 2), [2]).array()).to.deep.equal([1, 2]);
      const shape = realm.json('[2, 1]') as [2, 1];
      const nested = Tensor.from(realm.json('[[1], [2]]') as number[][], shape);
      expect([...nested.data]).to.deep.equal([1, 2]);
      expect(nested.shape).to.deep.equal([2, 1]);
    });

    it('are refused if they are not numbers', () => {
      const from: Untyped = (...args) => (Tensor.from as Untyped)(...args);
      expect(messageOf(() => from(realm.bigIntegers(), [1]))).to.include('BigInt64Array');
      expect(messageOf(() => from(realm.view(), [1]))).to.include('DataView');
      expect(messageOf(() => (Tensor.adopt as Untyped)(realm.bytes(1), [1]))).to.equal(
        'Expected a Float32Array for values but received Uint8Array of length 1',
      );
    });

    it('are adopted, trained on and updated in place', () => {
      const values = realm.floats(1, 3);
      const bn = new batchnorm.BatchNorm2D(1);
      const x = Tensor.adopt(values, [2, 1, 1, 1]);
      expect(x.data.buffer).to.equal(values.buffer);
      const y = bn.forwardMut(x.trace());
      expect([...y.data].map(Math.round)).to.deep.equal([-1, 1]);
      const gradients = batchnorm.backward(y.mul(Tensor.from([1, 3], [2, 1, 1, 1])).sum());
      // The derivative of sum(y * [1, 3]) is 3 - 1 with respect to the scale, 1 + 3 with respect to the bias.
      new batchnorm.Sgd(realm.json('{ "lr": 0.5 }') as { lr: number }).update(bn, gradients);
      expect(bn.scale.data[0]).to.be.closeTo(0, 1e-4);
      expect(bn.bias.data[0]).to.be.closeTo(-2, 1e-6);
    });

    it('are accepted as class indices', () => {
      const logits = Tensor.zeros([2, 4]);
      for (const targets of [realm.bytes(0, 3), realm.integers(0, 3), realm.json('[0, 3]')]) {
        const loss = batchnorm.crossEntropyWithLogitsLoss(logits, targets as Uint8Array);
        expect(loss.item()).to.be.closeTo(Math.log(4), 1e-6);
      }
    });

    it('are accepted as features and labels of a DataLoader', () => {
      const features = [realm.floats(0, 1, 2, 3), realm.bytes(0, 1, 2, 3)];
      const labels = [realm.bytes(7, 8), realm.integers(7, 8)];
      for (const each of features) {
        for (const classes of labels) {
          const dataset = { features: each, shape: [2], labels: classes, mean: 1, deviation: 2 };
          const [batch] = new batchnorm.DataLoader(dataset, { batchSize: 2 });
          expect(batch.x.array()).to.deep.equal([
            [-0.5, 0],
            [0.5, 1],
          ]);
          expect([...(batch.labels as Uint8Array)]).to.deep.equal([7, 8]);
        }
        const dataset = { features: each, shape: [2], labels: realm.floats(5, 6), labelShape: [] };
        const [batch] = new batchnorm.DataLoader(dataset, { batchSize: 2 });
        expect((batch.labels as { data: Float32Array }).data.join()).to.equal('5,6');
      }
    });

    it('are accepted as samples of a stream', async () => {
      const samples = [
        { features: realm.floats(1, 2), label: realm.floats(3) },
        { features: realm.bytes(1, 2), label: realm.doubles(3) },
        { features: realm.bytes(1, 2), label: realm.json('[3]') as number[] },
      ];
      const options = { shape: [2], labelShape: [1], batchSize: 3 } as const;
      for await (const batch of batchnorm.batchSamples(samples, options)) {
        expect(batch.x.array()).to.deep.equal([
          [1, 2],
          [1, 2],
          [1, 2],
        ]);
        expect(batch.labels.array()).to.deep.equal([[3], [3], [3]]);
      }
    });

    it('are read and written by the raw kernels', () => {
      const out = realm.floats(0, 0);
      const input = {
        x: realm.floats(1, 3),
        shape: realm.json('[1, 1, 2]') as [1, 1, 2],
        scale: realm.floats(2),
        bias: realm.floats(1),
        runningMean: realm.floats(1),
        runningVar: realm.floats(4),
        epsilon: 1e-12,
      };
      expect(batchnorm.raw.batchNormInference(input, out)).to.equal(out);
      expect([...out]).to.deep.equal([1, 3]);
    });

    it('name files, and errors of the file system keep their codes', async () => {
      const bn = new batchnorm.BatchNorm2D(2);
      bn.resetParams();
      for (const [name, save, load] of [
        ['a.npz', batchnorm.saveNpz, batchnorm.loadNpz],
        ['a.safetensors', batchnorm.saveSafetensors, batchnorm.loadSafetensors],
      ] as const) {
        const other = new batchnorm.BatchNorm2D(2);
        other.scale.data.fill(9);
        const url = realm.url(path(name));
        await save(url, bn);
        await load(url, other);
        expect([...other.scale.data]).to.deep.equal([1, 1]);
        const error = await rejectionOf(load(realm.url(path('missing')), other));
        expect(error.code).to.equal('ENOENT');
      }
      const training = { model: bn, progress: realm.json('{ "epoch": 3 }') as { epoch: number } };
      await batchnorm.saveCheckpoint(realm.url(path('run.npz')), training);
      training.progress.epoch = 0;
      await batchnorm.loadCheckpoint(realm.url(path('run.npz')), training);
      expect(training.progress.epoch).to.equal(3);
    });

    it('restore a network from JSON', () => {
      const json = JSON.stringify(new batchnorm.BatchNorm2D(2));
      const again = batchnorm.BatchNorm2D.fromJSON(realm.json(json));
      expect([...(again.scale?.data ?? [])]).to.deep.equal([1, 1]);
    });

    it('distinguish damaged files from system errors', async () => {
      const bn = new batchnorm.BatchNorm2D(1);
      await bn.save(path('whole.npz'));
      const gzipped = gzipSync(idxBytes([2], Uint8Array.of(1, 2)));
      for (const [name, content, read] of [
        [
          'a.npz',
          Buffer.from('not an archive, but longer than the end record of one'),
          (url: URL) => bn.load(url),
        ],
        ['a.idx', gzipped.subarray(0, gzipped.length - 9), (url: URL) => batchnorm.readIdx(url)],
      ] as const) {
        writeFileSync(path(name), content);
        const error = await rejectionOf(read(realm.url(path(name))));
        expect(error).to.be.instanceOf(batchnorm.FileFormatError);
        expect(error.message).to.include(path(name));
      }
      writeFileSync(path('b.idx'), gzipped);
      const { values } = await batchnorm.readIdx(realm.url(path('b.idx')));
      expect([...values]).to.deep.equal([1, 2]);
    });
  });
}

describe('objects of another copy of the package', () => {
  const { there } = other;

  it('are recognized in messages', () => {
    const layer = new there.Linear(2, 2);
    const gradients = there.backward(layer.forward(there.Tensor.ones([1, 2]).trace()).sum());
    const x = here.Tensor.ones([2]);
    const hint = (name: string) => `received an object of type ${name}, of another copy of batchnorm`;
    const unused = new there.UnusedTensors();
    const provider = { gradient: () => undefined };
    for (const [act, name] of [
      [() => x.add(there.Tensor.ones([2]) as never), 'Tensor'],
      [() => new here.Sgd().update(new here.Linear(2, 2), gradients), 'Gradients'],
      [() => here.updateParameter(x, provider, unused), 'UnusedTensors'],
      [() => new here.Linear(1, 1).write(new there.NpzWriter(), ''), 'NpzWriter'],
    ] as const) {
      expectError(act, TypeError, hint(name));
    }
    expectError(() => x.add(new Date() as never), TypeError, 'but received an object of type Date');
  });

  it('are written to JSON, and printed, as layers of a user', () => {
    const layer = new there.Linear(2, 2);
    const net = new here.Sequential(layer);
    const json = JSON.parse(JSON.stringify(net)) as { layers: unknown[] };
    expect(json.layers).to.deep.equal([JSON.parse(JSON.stringify(layer))]);
    expect(String(net)).to.include('0: Linear');
  });
});
