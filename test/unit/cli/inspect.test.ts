import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { BatchNorm2D, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { ZipFile } from 'yazl';
import { referencePath } from '../../conformance/reference/read.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { batchnorm } from './run-cli.js';

interface Report {
  readonly arrays: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
    readonly statistics?: { readonly min: number; readonly max: number; readonly mean: number };
  }[];
  readonly others: readonly string[];
  readonly suspicious: readonly { readonly name: string; readonly problem: string }[];
  readonly unreadable: readonly { readonly name: string; readonly problem: string }[];
}

const archive = (name: string) => referencePath(`npz/${name}.npz`);

function inspectJson(path: string): Report {
  return JSON.parse(batchnorm(['inspect', path, '--json']).output) as Report;
}

describe('batchnorm inspect', () => {
  const path = temporaryDirectory();

  it('lists arrays that numpy saved', () => {
    const { code, output, errors } = batchnorm(['inspect', archive('savez-compressed')]);
    expect({ code, errors }).to.deep.equal({ code: 0, errors: '' });
    expect(output)
      .to.include('4 arrays')
      .and.to.match(/^name +type +shape +min +max +mean$/m)
      .and.to.match(/^scale\.npy +float32 +\[3\] +-2\.25 +1\.5 +-0\.208$/m)
      .and.to.match(/^running_var\.npy +float32 +\[3\] +1e-12 +2500000 +833000$/m)
      .and.to.include('nothing suspicious');
  });

  for (const name of ['float64', 'big-endian', 'big-endian-float64', 'version-3', 'zip64']) {
    it(`reads the same values from ${name}`, () => {
      const { arrays } = inspectJson(archive(name));
      const variance = arrays.find((array) => array.name === 'running_var.npy');
      expect(variance?.type).to.equal(name.includes('float64') ? 'float64' : 'float32');
      expect(variance?.statistics?.max).to.equal(2.5e6);
      expect(variance?.statistics?.min).to.be.closeTo(1e-12, 1e-19);
    });
  }

  it('lists integer arrays, arrays without numbers and other entries', async () => {
    const integers = inspectJson(archive('integers'));
    const bias = integers.arrays.find(({ name }) => name === 'bias.npy');
    expect(bias).to.include({ type: 'int64' });
    expect(bias?.statistics).to.include({ count: 3, min: 0, max: 2, mean: 1 });
    expect(integers.suspicious).to.deep.equal([]);
    const { arrays, suspicious } = inspectJson(archive('text'));
    expect(arrays.find(({ name }) => name === 'bias.npy')).to.deep.equal({
      ...{ name: 'bias.npy', group: 'weights', type: "'<U1'", shape: [3], loadable: false },
    });
    expect(suspicious).to.deep.equal([
      { name: 'bias.npy', problem: "type '<U1': loading accepts only floats, integers or booleans" },
    ]);

    const zip = new ZipFile();
    zip.addBuffer(Buffer.from('hello'), 'notes\u001b[2J.txt');
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(path('notes.npz')));
    expect(inspectJson(path('notes.npz')).others).to.deep.equal(['notes\u001b[2J.txt']);
    expect(batchnorm(['inspect', path('notes.npz')]).output).to.equal(
      `${path('notes.npz')}: an .npz file, 0 arrays and 1 entry of another kind\n`,
    );
  });

  it('reports suspicious values, and fails on them with --strict', async () => {
    const bn = new BatchNorm2D(3);
    await bn.save(path('initial.npz'));
    const lenient = batchnorm(['inspect', path('initial.npz')]);
    expect(lenient.code).to.equal(0);
    expect(lenient.output).to.match(/^suspicious\n {2}running_var\.npy: .* never trained$/m);
    expect(batchnorm(['inspect', '--strict', path('initial.npz')]).code).to.equal(1);

    bn.forwardMut(Tensor.randn([4, 3, 4, 4]).trace());
    await bn.save(path('trained.npz'));
    const strict = batchnorm(['inspect', '--strict', path('trained.npz')]);
    expect(strict.code, strict.output).to.equal(0);
    expect(strict.output).to.include('6 arrays').and.to.include('nothing suspicious');
  });

  it('reads all values of an array in many pieces', async () => {
    const bn = new BatchNorm2D(100_000);
    bn.scale.data.forEach((_, i, scale) => (scale[i] = i + 1));
    await bn.save(path('large.npz'));
    const { arrays } = inspectJson(path('large.npz'));
    expect(arrays[0]).to.deep.include({ name: 'scale.npy', shape: [100_000] });
    expect(arrays[0].statistics).to.deep.include({ min: 1, max: 100_000 });
    expect(arrays[0].statistics?.mean).to.be.closeTo(50_000.5, 1e-6);
  });

  it('names a damaged array, reads the others, and fails', async () => {
    await new BatchNorm2D(64).save(path('damaged.npz'));
    const bytes = readFileSync(path('damaged.npz'));
    // After the header, whose length is 64 or 128, and within the 256 bytes of values.
    bytes[bytes.indexOf('NUMPY', bytes.indexOf('bias.npy')) + 150] ^= 1;
    writeFileSync(path('damaged.npz'), bytes);
    const { code, output, errors } = batchnorm(['inspect', path('damaged.npz')]);
    expect(code).to.equal(1);
    expect(errors).to.match(/^batchnorm: Expected the checksum .* in "bias\.npy" of .* but found .*\n$/);
    expect(output).to.include('5 arrays').and.to.not.include('bias.npy');
    expect(inspectJson(path('damaged.npz')).unreadable.map(({ name }) => name)).to.deep.equal(['bias.npy']);
  });

  it('refuses an array whose size differs from its header', async () => {
    const bytes = Buffer.alloc(128 + 8);
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
    bytes.write('\x93NUMPY\x01\x00\x76\x00', 'latin1');
    bytes.write(header.padEnd(117) + '\n', 10);
    const zip = new ZipFile();
    zip.addBuffer(bytes, 'short.npy');
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(path('short.npz')));
    const { code, errors } = batchnorm(['inspect', path('short.npz')]);
    expect(code).to.equal(1);
    expect(errors).to.include('Expected 12 bytes of values in "short.npy"').and.to.include('found 8');
  });

  it('fails if the file does not exist or is not an archive', () => {
    const missing = batchnorm(['inspect', path('none.npz')]);
    expect({ code: missing.code, output: missing.output }).to.deep.equal({ code: 1, output: '' });
    expect(missing.errors)
      .to.match(/^batchnorm: ENOENT/)
      .and.to.include('none.npz');
    writeFileSync(path('text.npz'), 'hello');
    const text = batchnorm(['inspect', path('text.npz')]);
    expect(text.code).to.equal(1);
    expect(text.errors).to.match(
      /^batchnorm: Expected an \.npz, \.npy, safetensors or ONNX file in .* but found the bytes 68656c6c6f\n$/,
    );
  });
});
