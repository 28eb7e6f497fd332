import { readFileSync, symlinkSync, lstatSync, statSync, chmodSync, readdirSync } from 'node:fs';
import {
  BatchNorm2D,
  Flatten2D,
  type LoadFromNpz,
  Linear,
  loadNpz,
  NpzReader,
  NpzWriter,
  ReLU,
  Residual,
  saveNpz,
  type SaveToNpz,
  Sequential,
  Tensor,
} from 'batchnorm';
import { expect } from 'chai';
import { fromBuffer } from 'yauzl';
import { referencePath } from '../../../conformance/reference/read.js';
import { expectError, expectRejection, type Untyped } from '../../../support/errors.js';
import { seeded, values } from '../../../support/random.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

function fill(module: { parameters(): BatchNormTensors }, seed: number): void {
  for (const [, tensor] of module.parameters()) {
    tensor.data.set(values(seeded(seed++), tensor.data.length));
  }
}
type BatchNormTensors = ReturnType<BatchNorm2D<number>['parameters']>;

/** The stored bytes of all entries of an archive, read independently of our reader. */
function entriesOf(path: string): Promise<Map<string, Buffer>> {
  const file = readFileSync(path);
  return new Promise((resolve, reject) => {
    fromBuffer(file, { lazyEntries: false }, (error, zip) => {
      if (error !== null) {
        reject(error);
        return;
      }
      const entries = new Map<string, Buffer>();
      zip.on(
        'entry',
        (entry: {
          fileName: string;
          compressionMethod: number;
          uncompressedSize: number;
          relativeOffsetOfLocalHeader: number;
        }) => {
          expect(entry.compressionMethod, 'stored').to.equal(0);
          const header = entry.relativeOffsetOfLocalHeader;
          const begin = header + 30 + file.readUInt16LE(header + 26) + file.readUInt16LE(header + 28);
          entries.set(entry.fileName, file.subarray(begin, begin + entry.uncompressedSize));
        },
      );
      zip.on('end', () => resolve(entries));
    });
  });
}

describe('save', () => {
  const path = temporaryDirectory();

  it('is read back by load, including epsilon and momentum', async () => {
    const bn = new BatchNorm2D(5, { epsilon: 1e-3, momentum: 0.25 });
    fill(bn, 1);
    await bn.save(path('bn.npz'));
    const copy = new BatchNorm2D(5);
    await copy.load(path('bn.npz'));
    expect(copy.toJSON()).to.deep.equal({ ...bn.toJSON(), batches: 0 });
  });

  it('preserves a cumulative average', async () => {
    const bn = new BatchNorm2D(1, { momentum: 'cumulative' });
    for (const mean of [1, 2]) {
      bn.forwardMut(Tensor.from([mean - 1, mean + 1], [2, 1, 1, 1]).trace());
    }
    await bn.save(path('cumulative.npz'));
    const copy = new BatchNorm2D(1);
    await copy.load(path('cumulative.npz'));
    expect(copy.momentum).to.equal('cumulative');
    copy.forwardMut(Tensor.from([5, 7], [2, 1, 1, 1]).trace());
    expect(copy.runningMean.item()).to.be.closeTo(3, 1e-6);
  });

  it("writes dfdx's entries byte for byte, followed by its own", async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(referencePath('dfdx/batchnorm2d.npz'));
    await bn.save(path('again.npz'));
    const ours = await entriesOf(path('again.npz'));
    for (const [name, bytes] of await entriesOf(referencePath('dfdx/batchnorm2d.npz'))) {
      expect(ours.get(name), name).to.deep.equal(bytes);
    }
    const names = ['scale', 'bias', 'running_mean', 'running_var', 'epsilon', 'momentum'];
    expect([...ours.keys()]).to.deep.equal(names.map((name) => `${name}.npy`));
  });

  it("forms prefixes like dfdx's tuples and residuals", async () => {
    // dfdx's example feeds rows into batch norm, which does not compile here; only its names matter.
    const make = () =>
      Reflect.construct(Sequential, [
        new Linear(4, 3),
        new BatchNorm2D(2),
        new Residual(new Sequential(new BatchNorm2D(2), new ReLU())),
      ]) as Sequential<readonly []>;
    const net = make();
    await net.load(referencePath('dfdx/linear-bn-residual.npz'));
    await net.save(path('net.npz'));
    const ours = await entriesOf(path('net.npz'));
    for (const [name, bytes] of await entriesOf(referencePath('dfdx/linear-bn-residual.npz'))) {
      expect(ours.get(name), name).to.deep.equal(bytes);
    }
    const copy = make();
    await copy.load(path('net.npz'));
    expect(tensors(copy)).to.deep.equal(tensors(net));
  });

  it('writes the same bytes for the same values', async () => {
    const bn = new BatchNorm2D(2);
    await bn.save(path('one.npz'));
    await bn.clone().save(path('two.npz'));
    expect(readFileSync(path('one.npz'))).to.deep.equal(readFileSync(path('two.npz')));
  });

  it('dates every entry to 1980, not to the time of saving', async () => {
    await new BatchNorm2D(2).save(path('dated.npz'));
    const file = readFileSync(path('dated.npz'));
    let entries = 0;
    // In a central directory record, time and date in DOS format follow 12 bytes; 1980-01-01 is day 1 of month 1.
    for (let at = file.indexOf('PK\x01\x02'); at >= 0; at = file.indexOf('PK\x01\x02', at + 4)) {
      expect([file.readUInt16LE(at + 12), file.readUInt16LE(at + 14)]).to.deep.equal([0, 0b100001]);
      entries++;
    }
    expect(entries).to.equal(6);
  });

  it("pads short and long headers to a multiple of 64 characters, as dfdx's reader expects", async () => {
    const shape = [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2];
    const long = {
      write: (zip: NpzWriter) => zip.tensor('long.npy', Tensor.zeros(shape)),
    };
    await saveNpz(path('long.npz'), long);
    const bytes = (await entriesOf(path('long.npz'))).get('long.npy') ?? Buffer.alloc(0);
    const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
    expect(text.length).to.be.within(81, 127);
    expect(bytes.readUInt16LE(8)).to.equal(128);
    expect(bytes.toString('latin1', 10, 138)).to.equal(`${text.padEnd(127)}\n`);
    expect(bytes).to.have.length(138 + 4 * 128);
  });

  it('saves the values at the time of the call, even if they change meanwhile', async () => {
    const bn = new BatchNorm2D(2);
    const saved = bn.save(path('call.npz'));
    bn.scale.data.fill(9);
    await saved;
    await bn.load(path('call.npz'));
    expect(bn.scale.array()).to.deep.equal([1, 1]);
  });

  it('leaves no other files', async () => {
    await new BatchNorm2D(2).save(path('alone.npz'));
    expect(readdirSync(path()).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
  });

  it('keeps links and permissions', async () => {
    await new BatchNorm2D(2).save(path('target.npz'));
    chmodSync(path('target.npz'), 0o640);
    symlinkSync(path('target.npz'), path('link.npz'));
    await new BatchNorm2D(3).save(path('link.npz'));
    expect(lstatSync(path('link.npz')).isSymbolicLink()).to.equal(true);
    expect(statSync(path('target.npz')).mode & 0o777).to.equal(0o640);
    await new BatchNorm2D(3).load(path('target.npz'));
  });

  it('saves networks that contain layers without parameters', async () => {
    const make = () => new Sequential(new BatchNorm2D(2), new ReLU(), new Flatten2D(), new Linear(8, 3));
    const net = make();
    fill(net, 3);
    await net.save(path('whole.npz'));
    const copy = make();
    await copy.load(path('whole.npz'));
    expect(tensors(copy)).to.deep.equal(tensors(net));
  });

  it('saves user-defined modules', async () => {
    class Net implements SaveToNpz, LoadFromNpz {
      readonly norm = new BatchNorm2D(2);
      readonly w = Tensor.ones([2]);
      write(zip: NpzWriter, prefix: string) {
        zip.tensor(`${prefix}w.npy`, this.w);
        this.norm.write(zip, `${prefix}norm.`);
      }
      read(zip: NpzReader, prefix: string) {
        return zip.transaction(async () => {
          await zip.tensor(`${prefix}w.npy`, this.w);
          await this.norm.read(zip, `${prefix}norm.`);
        });
      }
    }
    const net = new Net();
    net.w.data.set([3, 4]);
    net.norm.bias.data.set([5, 6]);
    await saveNpz(path('user.npz'), net);
    const copy = new Net();
    await loadNpz(path('user.npz'), copy);
    expect(copy.w.array()).to.deep.equal([3, 4]);
    expect(copy.norm.bias.array()).to.deep.equal([5, 6]);
  });

  it('refuses invalid paths and modules', async () => {
    const bn = new BatchNorm2D(2);
    await expectRejection(
      (bn.save.bind(bn) as Untyped)(5) as Promise<void>,
      TypeError,
      'a path or a file: URL for path',
      '5',
    );
    await expectRejection(bn.save(''), RangeError, 'a path or a file: URL for path', '""');
    await expectRejection(bn.save(path('no/such/folder.npz')), Error, 'ENOENT');
    await expectRejection(
      (saveNpz as Untyped)(path('x.npz'), {}) as Promise<void>,
      TypeError,
      'write() for module',
    );
    const silent = { forward: (x: Tensor<readonly [2]>) => x, parameters: bn.parameters.bind(bn) };
    await expectRejection(
      new Sequential(silent).save(path('x.npz')),
      TypeError,
      'write() in Object',
      ', in 0 (Object)',
    );
    const writer = new NpzWriter();
    writer.number('a.npy', 1);
    expectError(() => writer.number('a.npy', 2), RangeError, 'not taken', '"a.npy"');
    expectError(() => writer.number('', 2), RangeError, 'a name', '""');
    expectError(() => (writer.number as Untyped).call(writer, 'b', '1'), TypeError, 'value', '"1"');
    expectError(() => (writer.tensor as Untyped).call(writer, 'b', [1]), TypeError, 'a Tensor');
  });
});

function tensors(module: { parameters(): BatchNormTensors }) {
  return module.parameters().map(([name, tensor]) => [name, [...tensor.clone().data]]);
}
