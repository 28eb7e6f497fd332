import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { BatchNorm2D, Linear, loadNpz, NpzReader } from 'batchnorm';
import { expect } from 'chai';
import { ZipFile } from 'yazl';
import { readCases, referencePath } from '../../../conformance/reference/read.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

/** The values that `reference/npz/make.py` put into each archive. */
const layer = {
  scale: [1.5, -2.25, 0.125],
  bias: [0.1, 1e-3, -7],
  runningMean: [100.5, -1e4, 3e-8],
  runningVar: [1, 2.5e6, 1e-12],
};

const archive = (name: string) => referencePath(`npz/${name}.npz`);

function expectLayer(bn: BatchNorm2D<number>): void {
  for (const [name, tensor] of bn.parameters()) {
    const values = layer[name as keyof typeof layer];
    expect(tensor.array(), name).to.deep.equal(values.map(Math.fround));
  }
}

describe('load', () => {
  const path = temporaryDirectory();

  const archives = [
    ...['savez', 'savez-compressed', 'float64', 'big-endian', 'big-endian-float64'],
    ...['version-2', 'version-3', 'zip64'],
  ];
  for (const name of archives) {
    it(`reads numpy's ${name}`, async () => {
      const bn = new BatchNorm2D(3);
      const { scale } = bn;
      const before = scale.id;
      await bn.load(archive(name));
      expectLayer(bn);
      expect(bn.scale).to.equal(scale);
      expect(bn.scale.id).to.equal(before);
    });
  }

  it('takes epsilon and momentum from the file', async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(archive('extra'), { extra: 'ignore' });
    expectLayer(bn);
    expect([bn.epsilon, bn.momentum]).to.deep.equal([1e-3, 0.25]);
  });

  it('keeps epsilon and momentum if the file has none', async () => {
    const bn = new BatchNorm2D(3, { epsilon: 0.5, momentum: 'cumulative' });
    await bn.load(archive('savez'));
    expect([bn.epsilon, bn.momentum]).to.deep.equal([0.5, 'cumulative']);
  });

  it('reads arrays in Fortran order', async () => {
    const linear = new Linear(4, 3);
    await linear.load(archive('fortran'));
    const rows = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => (4 * row + column) / 8));
    expect(linear.weight.array()).to.deep.equal(rows);
  });

  it('reads entries with a prefix', async () => {
    const bn = new BatchNorm2D(3);
    const zip = await NpzReader.open(archive('prefix'));
    await bn.read(zip, 'encoder.0.');
    zip.close();
    expectLayer(bn);
  });

  for (const [what, header, zip64] of [
    ['whose directory is zip64', "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n", true],
    [
      'with any white space that Python accepts in a header',
      " {'descr':\f'<f4' ,'fortran_order'\t:False, 'shape': ( 3 , )\r\f} \f\n",
      false,
    ],
  ] as const) {
    it(`reads an archive ${what}`, () => readsArchive(header, zip64));
  }

  async function readsArchive(header: string, forceZip64Format: boolean) {
    const zip = new ZipFile();
    const entries = await NpzReader.open(archive('savez'));
    const bn = new BatchNorm2D(3);
    await bn.read(entries, '');
    entries.close();
    const names = ['scale', 'bias', 'running_mean', 'running_var'];
    for (const [i, [, tensor]] of bn.parameters().entries()) {
      const bytes = Buffer.concat([
        Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
        Buffer.from(header),
        Buffer.from(tensor.data.buffer),
      ]);
      zip.addBuffer(bytes, `${names[i]}.npy`, { forceZip64Format });
    }
    zip.end({ forceZip64Format, comment: '' });
    await pipeline(zip.outputStream, createWriteStream(path('rewritten.npz')));
    const copy = new BatchNorm2D(3);
    await copy.load(path('rewritten.npz'));
    expectLayer(copy);
  }

  it('takes a file URL', async () => {
    const bn = new BatchNorm2D(3);
    await bn.load(new URL(`file://${archive('savez')}`));
    expectLayer(bn);
  });

  interface DfdxArchive {
    readonly kind: string;
    readonly file: string;
    readonly [entry: string]: unknown;
  }
  const fromDfdx = readCases<DfdxArchive>('dfdx/dfdx.jsonl').filter(({ kind }) => kind === 'npz');

  it("reads dfdx's batchnorm2d.npz", async () => {
    const expected = fromDfdx.find(({ file }) => file === 'batchnorm2d.npz');
    const bn = new BatchNorm2D(3);
    await loadNpz(referencePath('dfdx/batchnorm2d.npz'), bn);
    expect(bn.scale.array()).to.deep.equal(rounded(expected?.scale));
    expect(bn.bias.array()).to.deep.equal(rounded(expected?.bias));
    expect(bn.runningMean.array()).to.deep.equal(rounded(expected?.running_mean));
    expect(bn.runningVar.array()).to.deep.equal(rounded(expected?.running_var));
  });

  it("reads a part of dfdx's linear-bn-residual.npz", async () => {
    const expected = fromDfdx.find(({ file }) => file === 'linear-bn-residual.npz');
    const linear = new Linear(4, 3);
    const zip = await NpzReader.open(referencePath('dfdx/linear-bn-residual.npz'));
    await linear.read(zip, '0.');
    zip.close();
    expect(linear.weight.array().flat()).to.deep.equal(rounded(expected?.weight));
    expect(linear.bias.array()).to.deep.equal(rounded(expected?.bias));
  });
});

function rounded(values: unknown): number[] {
  return (values as number[]).flat().map(Math.fround);
}
