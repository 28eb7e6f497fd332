import { spawnSync } from 'node:child_process';
import { closeSync, copyFileSync, ftruncateSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import {
  Adam,
  backward,
  BatchNorm2D,
  Linear,
  ReLU,
  RMSprop,
  saveCheckpoint,
  saveNpz,
  saveSafetensors,
  Sequential,
  Sgd,
  Tensor,
  Flatten2D,
} from 'batchnorm';
import { expect } from 'chai';
import { referencePath } from '../../conformance/reference/read.js';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { batchnorm } from './run-cli.js';

/** A module that makes a process print its peak memory when it ends. */
const reportPeakMemory = `data:text/javascript,${encodeURIComponent(
  `import { peakMemory } from '${new URL('../../support/peak-memory.js', import.meta.url).href}';
  process.on('exit', () => console.error(peakMemory()));`,
)}`;

interface Inspected {
  readonly name: string;
  readonly group: string;
  readonly type: string;
  readonly shape: readonly number[];
  readonly loadable: boolean;
  readonly statistics?: {
    readonly count: number;
    readonly min: number;
    readonly max: number;
    readonly mean: number;
    readonly nan: { readonly count: number };
    readonly infinite: { readonly count: number };
  };
}

interface Report {
  readonly format: string;
  readonly arrays: readonly Inspected[];
  readonly parameters: Readonly<Record<string, number>>;
  readonly suspicious: readonly { readonly name: string; readonly problem: string }[];
  readonly unreadable: readonly { readonly name: string; readonly problem: string }[];
}

function inspectJson(path: string): Report {
  return JSON.parse(batchnorm(['inspect', path, '--json']).output) as Report;
}

/** A safetensors file, built according to the format's specification. */
function safetensors(
  tensors: Readonly<Record<string, readonly [dtype: string, shape: readonly number[], bytes: Uint8Array]>>,
): Buffer {
  let end = 0;
  const fields = Object.entries(tensors).map(([name, [dtype, shape, bytes]]) => {
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [end - bytes.length, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(fields)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...Object.values(tensors).map(([, , bytes]) => bytes)]);
}

/** An .npy header of version 1.0. */
function npyHeader(descr: string, shape: string): Buffer {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const header = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text.padEnd(117)}\n`, 'latin1');
  header.writeUInt16LE(118, 8);
  return header;
}

describe('batchnorm inspect', () => {
  const path = temporaryDirectory();

  it("lists a state dict with PyTorch's names", () => {
    const { code, output } = batchnorm(['inspect', referencePath('safetensors/network.safetensors')]);
    expect(code).to.equal(0);
    expect(output)
      .to.include('a safetensors file, 7 arrays')
      .and.to.match(/^0\.num_batches_tracked +int64 +\[\] +7 +7 +7$/m)
      .and.to.match(/^3\.weight +float32 +\[5, 12\] +-2\.61 +2\.7 +0\.00796$/m)
      .and.to.match(/^parameters\n {2}trainable weights +71\n {2}running statistics +6\n$/m)
      .and.to.include('nothing suspicious');
  });

  it('counts the same parameters in every format, and none in a file without names', async () => {
    const net = new BatchNorm2D(3);
    await net.save(path('counts.npz'));
    await saveSafetensors(path('counts.safetensors'), net);
    const expected = { weights: 6, statistics: 6, optimizer: 0 };
    expect(inspectJson(path('counts.npz')).parameters).to.deep.equal(expected);
    expect(inspectJson(path('counts.safetensors')).parameters).to.deep.equal(expected);

    writeFileSync(path('x.npy'), Buffer.concat([npyHeader('<f8', '(2,)'), Buffer.alloc(16)]));
    expect(inspectJson(path('x.npy')).parameters).to.deep.equal({ weights: 0, statistics: 0, optimizer: 0 });
    expect(batchnorm(['inspect', path('x.npy')]).output).to.not.include('trainable');
  });

  it('reads every number type the same from both formats', () => {
    // make.py saved each array together with its conversion by numpy or PyTorch.
    for (const file of ['safetensors/types.safetensors', 'npz/types.npz']) {
      const { arrays, parameters, unreadable } = inspectJson(referencePath(file));
      expect(unreadable).to.deep.equal([]);
      const float32 = new Map(arrays.map((array) => [array.name.replace('.npy', ''), array]));
      let compared = 0;
      for (const [name, { statistics, shape, loadable }] of float32) {
        const same = float32.get(`${name}_as_float32`);
        if (same === undefined) continue;
        compared++;
        expect(loadable).to.equal(true);
        expect(same.shape).to.deep.equal(shape);
        for (const key of ['min', 'max'] as const) {
          const expected = same.statistics?.[key] ?? NaN;
          // Statistics of 64-bit integers are float64, rounded once before the conversion to float32 here.
          const found = Math.fround(statistics?.[key] ?? NaN);
          expect(found, `${file} ${name} ${key}`).to.be.closeTo(expected, Math.abs(expected) * 2 ** -23);
        }
        expect(statistics?.nan.count).to.equal(same.statistics?.nan.count);
        expect(statistics?.infinite.count).to.equal(same.statistics?.infinite.count);
      }
      expect(compared).to.be.greaterThan(10);
      expect(parameters.weights).to.equal(arrays.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0));
    }
  });

  it('reads 8-bit floats', () => {
    // The limits of the formats, from the Open Compute Project's specification.
    const bytes = (...values: number[]) => Uint8Array.from(values);
    const file = safetensors({
      e4m3: ['F8_E4M3', [6], bytes(0x7e, 0xfe, 0x08, 0x01, 0x7f, 0x38)],
      e5m2: ['F8_E5M2', [6], bytes(0x7b, 0xfb, 0x04, 0x01, 0x7c, 0x7d)],
      e8m0: ['F8_E8M0', [3], bytes(0x7f, 0xfe, 0xff)],
      'a.weight': ['F8_E4M3', [1], bytes(0x38)],
      unknown: ['F4', [4], bytes(1, 2)],
    });
    writeFileSync(path('eighths.safetensors'), file);
    const { arrays, suspicious } = inspectJson(path('eighths.safetensors'));
    const [e4m3, e5m2, e8m0, , unknown] = arrays;
    expect(e4m3).to.deep.include({ type: 'F8_E4M3', shape: [6], loadable: false });
    expect(e4m3.statistics).to.deep.include({ count: 6, min: -448, max: 448 });
    expect(e4m3.statistics?.nan.count).to.equal(1);
    expect(e4m3.statistics?.mean).to.be.closeTo((2 ** -6 + 2 ** -9 + 1) / 5, 1e-12);
    expect(e5m2.statistics).to.deep.include({ count: 6, min: -57344, max: 57344 });
    expect(e5m2.statistics?.infinite.count).to.equal(1);
    expect(e5m2.statistics?.mean).to.be.closeTo((2 ** -14 + 2 ** -16) / 4, 1e-12);
    expect(e8m0.statistics).to.deep.include({ count: 3, min: 1, max: 2 ** 127 });
    expect(unknown).to.deep.equal({
      name: 'unknown',
      group: 'weights',
      type: 'F4',
      shape: [4],
      loadable: false,
    });
    expect(suspicious.map(({ name }) => name)).to.include('a.weight');
  });

  it('reads a single array of any type', () => {
    const values = Buffer.from(Float64Array.of(1, -2, 4.5, 0.5).buffer);
    // Recognized by its content, not by its name.
    writeFileSync(path('running_var.bin'), Buffer.concat([npyHeader('<f8', '(2, 2)'), values]));
    const { code, output } = batchnorm(['inspect', path('running_var.bin')]);
    expect(code).to.equal(0);
    expect(output)
      .to.include('an .npy file, 1 array\n')
      .and.to.match(/^running_var\.bin +float64 +\[2, 2\] +-2 +4\.5 +1$/m)
      .and.to.include('nothing suspicious');
    writeFileSync(path('text.npy'), Buffer.concat([npyHeader('<U2', '(1,)'), Buffer.alloc(8)]));
    expect(inspectJson(path('text.npy')).arrays).to.deep.equal([
      { name: 'text.npy', group: 'unknown', type: "'<U2'", shape: [1], loadable: false },
    ]);
    writeFileSync(path('short.npy'), Buffer.concat([npyHeader('<f8', '(9,)'), values]));
    const short = batchnorm(['inspect', path('short.npy')]);
    expect(short.code).to.equal(1);
    expect(short.errors).to.match(/^batchnorm: Expected 72 bytes of values in .*short\.npy but found 32\n$/);
  });

  it('separates the model of a checkpoint from optimizer state and other entries', async () => {
    const model = new Sequential(new BatchNorm2D(2), new ReLU(), new Flatten2D(), new Linear(8, 3));
    const optimizer = new Adam();
    const x = Tensor.randn([4, 2, 2, 2]);
    optimizer.update(model, backward(model.forwardMut(x.trace()).square().mean()));
    const generators = { shuffle: { getState: () => [1, 2, 3], setState: () => undefined } };
    await saveCheckpoint(path('run.npz'), { model, optimizer, generators, progress: { epoch: 3 } });
    const { arrays, parameters } = inspectJson(path('run.npz'));
    const of = (group: string) => arrays.filter((each) => each.group === group).map(({ name }) => name);
    expect(of('weights')).to.have.members(['0.scale.npy', '0.bias.npy', '3.weight.npy', '3.bias.npy']);
    expect(of('statistics')).to.have.members(['0.running_mean.npy', '0.running_var.npy']);
    expect(of('settings')).to.have.members(['0.epsilon.npy', '0.momentum.npy']);
    expect(of('checkpoint')).to.have.members([
      'checkpoint.generator.shuffle.npy',
      'checkpoint.progress.epoch.npy',
    ]);
    expect(of('optimizer').length).to.equal(arrays.length - 10);
    const learned = 2 + 2 + 24 + 3;
    // Two moments per parameter, five settings, the learning rate and the number of steps.
    expect(parameters).to.deep.equal({ weights: learned, statistics: 4, optimizer: 2 * learned + 7 });
    const { output } = batchnorm(['inspect', path('run.npz')]);
    expect(output)
      .to.match(/\n\nmodel\nname .*\n0\.scale\.npy /)
      .and.to.match(/\n\noptimizer state\nname .*\ncheckpoint\.optimizer\.adam\./)
      .and.to.match(/\n\nrest of the checkpoint\nname /)
      .and.to.match(
        /\nparameters\n {2}trainable weights +31\n {2}running statistics +4\n {2}optimizer state +69\n/,
      );
  });

  for (const optimizer of [
    new Sgd({ momentum: 0.9 }),
    new Adam(),
    new RMSprop({ momentum: 0.5, centered: true }),
  ]) {
    it(`recognizes the state of ${optimizer.constructor.name} outside a checkpoint`, async () => {
      const model = new Linear(2, 2);
      await saveNpz(path('state.npz'), {
        write(zip) {
          model.write(zip, 'net.');
          optimizer.write(zip, '', model);
        },
      });
      const { arrays } = inspectJson(path('state.npz'));
      expect(arrays.filter(({ group }) => group !== 'optimizer').map(({ name }) => name)).to.deep.equal([
        ...['net.weight.npy', 'net.bias.npy'],
      ]);
    });
  }

  it('reports a negative variance in a safetensors file', async () => {
    const bn = new BatchNorm2D(2);
    bn.runningVar.data.set([1, -1]);
    await saveSafetensors(path('wrong.safetensors'), bn);
    const strict = batchnorm(['inspect', '--strict', path('wrong.safetensors')]);
    expect(strict.code).to.equal(1);
    expect(strict.output).to.include('running_var: 1 value is negative, at 1');
  });

  it('fails with a clear message if the file is damaged or of another kind', () => {
    const failure = (bytes: Uint8Array) => {
      writeFileSync(path('given'), bytes);
      const { code, output, errors } = batchnorm(['inspect', path('given')]);
      expect({ code, output }).to.deep.equal({ code: 1, output: '' });
      expect(errors).to.match(/^batchnorm: Expected .* in .*given.* but found .*\n$/);
      return errors;
    };
    expect(failure(Buffer.alloc(0))).to.include('an empty file');
    expect(failure(Buffer.from('<!doctype html><html>'))).to.include('an HTML page');
    const whole = safetensors({ a: ['F32', [2], new Uint8Array(8)] });
    expect(failure(whole.subarray(0, -1))).to.include('8 bytes of values');
    expect(failure(Buffer.concat([whole.subarray(0, 20), Buffer.from('!'), whole.subarray(21)]))).to.include(
      'a JSON header',
    );
    expect(failure(npyHeader('<f8', '(-1,)'))).to.include('a tuple of sizes');
    mkdirSync(path('folder'));
    expect(batchnorm(['inspect', path('folder')]).errors).to.match(/^batchnorm: .*a directory\n$/);
    // A zip archive stays one even if it is called .safetensors.
    copyFileSync(referencePath('npz/savez.npz'), path('renamed.safetensors'));
    expect(inspectJson(path('renamed.safetensors')).format).to.equal('npz');
  });

  it('reads files of any size with little memory', function () {
    this.timeout(300_000);
    const size = 240_000_000;
    const header = Buffer.from(
      JSON.stringify({ large: { dtype: 'F32', shape: [size / 4], data_offsets: [0, size] } }),
    );
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    const starts = {
      'large.safetensors': Buffer.concat([prefix, header]),
      'large.npy': npyHeader('<f4', `(${size / 4},)`),
    };
    for (const [name, start] of Object.entries(starts)) {
      const file = openSync(path(name), 'w');
      writeFileSync(file, start);
      // A sparse file: its zeros take no space on the disk.
      ftruncateSync(file, start.length + size);
      closeSync(file);
      const main = packagePath('dist/cli/main.js');
      const args = node.args('--import', reportPeakMemory, main, 'inspect', path(name));
      const { stdout, stderr } = spawnSync(node.file, args, { encoding: 'utf8' });
      expect(stdout).to.match(/ \[60000000\] +0 +0 +0$/m);
      // Kilobytes; Node alone takes about 60 MB.
      expect(Number(stderr)).to.be.within(10_000, 200_000);
    }
  });
});
