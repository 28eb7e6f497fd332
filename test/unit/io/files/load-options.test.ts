import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import {
  BatchNorm2D,
  FileFormatError,
  Flatten2D,
  Linear,
  type LoadReport,
  loadNpz,
  loadSafetensors,
  type Rename,
  saveNpz,
  saveSafetensors,
  Sequential,
} from 'batchnorm';
import { expect } from 'chai';
import { expectRejection, type Untyped } from '../../../support/errors.js';
import { seeded } from '../../../support/random.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';
import { encode, type Header } from '../safetensors/encode.js';

const makeNetwork = () => new Sequential(new BatchNorm2D(3), new Flatten2D(), new Linear(12, 5));
type Network = ReturnType<typeof makeNetwork>;

/** A network whose tensors all differ from each other. */
function filled(seed: number): Network {
  const net = makeNetwork();
  const random = seeded(seed);
  for (const [, tensor] of net.parameters()) tensor.data.set(tensor.data.map(() => random() - 0.5));
  net.layers[0].runningVar.data.set([1, 2, 3]);
  return net;
}

/** How a network is saved and loaded, and the names of its tensors in the file. */
const formats = {
  npz: {
    save: saveNpz,
    load: loadNpz,
    names: ['0.scale', '0.bias', '0.running_mean', '0.running_var', '2.weight', '2.bias'],
  },
  safetensors: {
    save: saveSafetensors,
    load: loadSafetensors,
    names: ['0.weight', '0.bias', '0.running_mean', '0.running_var', '2.weight', '2.bias'],
  },
} as const;

const contentOf = (net: Network) => net.parameters().map(([name, { data }]) => [name, [...data]]);

for (const [format, { save, load, names }] of Object.entries(formats)) {
  describe(`options of loading .${format}`, () => {
    const path = temporaryDirectory();

    /** Saves a network under its own names. */
    async function saved(): Promise<{ file: string; net: Network }> {
      const net = filled(1);
      const file = path(`net.${format}`);
      await save(file, net);
      return { file, net };
    }

    /** Expects a rejected promise, an error in which all of these texts are, and an unchanged network. */
    async function expectRefused(
      options: unknown,
      error: Parameters<typeof expectRejection>[1],
      ...texts: string[]
    ): Promise<void> {
      const { file } = await saved();
      const net = filled(2);
      const before = JSON.stringify(net);
      await expectRejection((load as Untyped)(file, net, options) as Promise<unknown>, error, ...texts);
      expect(JSON.stringify(net)).to.equal(before);
    }

    it('report nothing if every name matches', async () => {
      const { file, net } = await saved();
      const loaded = makeNetwork();
      const report: LoadReport = await load(file, loaded);
      expect(report).to.deep.equal({ missing: [], unexpected: [] });
      expect(contentOf(loaded)).to.deep.equal(contentOf(net));
    });

    // Inside another network the names are 0.0.weight, 0.2.weight, …
    const nested = () => new Sequential(makeNetwork());
    const renames: Record<string, Rename> = {
      'an empty prefix': { '': '0.' },
      prefixes: { '0.': '0.0.', '2.': '0.2.' },
      'whole names before prefixes': { '2.weight': '0.2.weight', '': '0.' },
      'long prefixes before short ones': { '': 'nowhere.', '2.': '0.2.', '0.': '0.0.' },
      'a function': (name) => `0.${name}`,
    };
    for (const [what, rename] of Object.entries(renames)) {
      it(`rename by ${what}`, async () => {
        const { file, net } = await saved();
        const loaded = nested();
        expect(await load(file, loaded, { rename })).to.deep.equal({ missing: [], unexpected: [] });
        expect(contentOf(loaded.layers[0])).to.deep.equal(contentOf(net));
      });
    }

    it('rename one tensor to another', async () => {
      const { file, net } = await saved();
      const loaded = makeNetwork();
      const swapped = { '0.running_mean': '0.running_var', '0.running_var': '0.running_mean' };
      await load(file, loaded, { rename: swapped });
      expect(loaded.layers[0].runningMean.data).to.deep.equal(net.layers[0].runningVar.data);
      expect(loaded.layers[0].runningVar.data).to.deep.equal(net.layers[0].runningMean.data);
    });

    it('leave out tensors for which the function returns undefined', async () => {
      const { file, net } = await saved();
      const linear = new Linear(12, 5);
      const rename = (name: string) => (name.startsWith('2.') ? name.slice(2) : undefined);
      expect(await load(file, linear, { rename })).to.deep.equal({ missing: [], unexpected: [] });
      expect(linear.weight.data).to.deep.equal(net.layers[2].weight.data);
    });

    it('with strict: false load what is there and name the rest', async () => {
      const { file, net } = await saved();
      const loaded = filled(2);
      const before = contentOf(loaded);
      const rename = { '2.bias': 'head.bias', '0.running_mean': 'mean' };
      const report = await load(file, loaded, { strict: false, rename });
      expect(report.missing).to.deep.equal(['0.running_mean', '2.bias']);
      expect([...report.unexpected].sort()).to.deep.equal(['0.running_mean', '2.bias']);
      for (const [i, [name, content]] of contentOf(loaded).entries()) {
        const kept = name === '0.runningMean' || name === '2.bias';
        expect(content, name as string).to.deep.equal((kept ? before : contentOf(net))[i][1]);
      }
    });

    it("with extra: 'ignore' name what was not loaded", async () => {
      const { file } = await saved();
      const bn = new Sequential(new BatchNorm2D(3));
      const report = await load(file, bn, { extra: 'ignore' });
      expect(report).to.deep.equal({ missing: [], unexpected: ['2.weight', '2.bias'] });
    });

    it("with strict: false and extra: 'refuse' still refuse what the module does not have", async () => {
      const { file } = await saved();
      const bn = new Sequential(new BatchNorm2D(3));
      const loading = load(file, bn, { strict: false, extra: 'refuse' });
      await expectRejection(loading, FileFormatError, file, names[4], 'and 1 more');
    });

    it('with strict: false still refuse another shape', async () => {
      const { file } = await saved();
      const other = new Sequential(new BatchNorm2D(3), new Flatten2D(), new Linear(12, 7));
      const before = JSON.stringify(other);
      await expectRejection(load(file, other, { strict: false }), FileFormatError, names[4], '[7, 12]');
      expect(JSON.stringify(other)).to.equal(before);
    });

    it('refuse a missing tensor by its new name', async () => {
      await expectRefused({ rename: { '2.bias': 'b' }, extra: 'ignore' }, FileFormatError, '2.bias', 'none');
    });

    it('refuse a name that is given twice', async () => {
      const twice = ['2.bias', 'different', '"0.bias"'];
      await expectRefused({ rename: { '0.bias': '2.bias' } }, RangeError, 'rename', ...twice);
      await expectRefused({ rename: () => 'x' }, RangeError, 'rename', '"x" for both');
    });

    it('refuse keys that match no name', async () => {
      await expectRefused({ rename: { 'head.': '' } }, RangeError, 'rename', '"head."', 'matches none');
      await expectRefused({ rename: { '2': '' } }, RangeError, 'rename', '"2"', 'matches none');
      await expectRefused({ rename: { '0.weigh': '' } }, RangeError, 'rename', '"0.weigh"');
    });

    it('refuse wrong types', async () => {
      await expectRefused({ rename: { '2.': 3 } }, TypeError, '"2." of rename', 'a string');
      await expectRefused({ rename: 'a' }, TypeError, 'rename', 'an object with names, or a function');
      await expectRefused({ rename: null }, TypeError, 'rename');
      await expectRefused({ rename: new Map([['2.', '3.']]) }, TypeError, 'rename');
      await expectRefused(
        { rename: () => 1 },
        TypeError,
        'the result of rename() for',
        'a string or undefined',
      );
      await expectRefused({ rename: async () => Promise.resolve('x') }, TypeError, 'rename()', 'synchronous');
      await expectRefused({ strict: 'no' }, TypeError, 'strict', 'boolean');
      await expectRefused({ strickt: false }, TypeError, 'strickt');
    });

    it('propagate an error of the function', async () => {
      const fault = new Error('my fault');
      const rename = () => {
        throw fault;
      };
      await expectRefused({ rename }, Error, 'my fault');
    });
  });
}

describe('loadSafetensors with an index', () => {
  const path = temporaryDirectory();
  const index = () => path('model.safetensors.index.json');

  /** Writes tensors of one float each into a file. */
  function writeShard(name: string, tensors: Record<string, readonly number[]>): void {
    const header: Header = {};
    let end = 0;
    for (const [tensor, { length }] of Object.entries(tensors)) {
      header[tensor] = { dtype: 'F32', shape: [length], data_offsets: [end, (end += 4 * length)] };
    }
    const data = Buffer.from(new Float32Array(Object.values(tensors).flat()).buffer);
    writeFileSync(path(name), encode(header, data));
  }
  function writeIndex(map: unknown, more: object = { metadata: { total_size: 48 } }): void {
    writeFileSync(index(), JSON.stringify({ ...more, weight_map: map }, null, 2));
  }
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const complete = { weight: first, running_mean: first, bias: second, running_var: second };

  beforeEach(() => {
    writeShard(first, { weight: [1, 2, 3], running_mean: [4, 5, 6] });
    writeShard(second, { running_var: [7, 8, 9], bias: [-1, -2, -3] });
    writeIndex(complete);
  });

  async function expectRefused(...texts: string[]): Promise<void> {
    const bn = new BatchNorm2D(3);
    const before = JSON.stringify(bn);
    await expectRejection(loadSafetensors(index(), bn), FileFormatError, ...texts);
    expect(JSON.stringify(bn)).to.equal(before);
  }

  it('loads each tensor from the file that the index names', async () => {
    const bn = new BatchNorm2D(3);
    expect(await bn.loadSafetensors(index())).to.deep.equal({ missing: [], unexpected: [] });
    expect([...bn.scale.data]).to.deep.equal([1, 2, 3]);
    expect([...bn.bias.data]).to.deep.equal([-1, -2, -3]);
    expect([...bn.runningMean.data]).to.deep.equal([4, 5, 6]);
    expect([...bn.runningVar.data]).to.deep.equal([7, 8, 9]);
  });

  it('takes the same options', async () => {
    const net = new Sequential(new BatchNorm2D(3), new BatchNorm2D(3));
    const report = await loadSafetensors(index(), net, { strict: false, rename: { '': '0.', bias: 'b' } });
    expect(report.unexpected).to.deep.equal(['bias']);
    expect(report.missing).to.include.members(['0.bias', '1.weight']).and.have.length(5);
    expect([...net.layers[0].scale.data]).to.deep.equal([1, 2, 3]);
  });

  it('ignores tensors that only a file lists', async () => {
    writeShard(second, { running_var: [7, 8, 9], bias: [-1, -2, -3], unused: [0] });
    await loadSafetensors(index(), new BatchNorm2D(3));
  });

  it('refuses a tensor that its file does not have', async () => {
    writeIndex({ ...complete, bias: first });
    await expectRefused(path(first), '"bias"', index());
  });

  it('refuses a tensor that no file has', async () => {
    const { bias: _, ...rest } = complete;
    writeIndex(rest);
    await expectRefused('"bias"', 'none');
  });

  it('names a missing file', async () => {
    writeIndex({ ...complete, bias: 'model-3.safetensors' });
    const loading = loadSafetensors(index(), new BatchNorm2D(3));
    await expectRejection(loading, Error, 'ENOENT', path('model-3.safetensors'));
  });

  for (const name of ['../secret.safetensors', '/etc/passwd', 'a\\b', 'C:x', '..', '.', '', 'x\0y']) {
    it(`refuses the file name ${JSON.stringify(name)}`, async () => {
      writeIndex({ ...complete, bias: name });
      await expectRefused(index(), '"bias"', 'a file in the same folder');
    });
  }

  it('refuses a file name of another type', async () => {
    writeIndex({ ...complete, bias: 1 });
    await expectRefused(index(), '"bias"', 'a file in the same folder', '1');
  });

  it('refuses a repeated name', async () => {
    const text = readFileSync(index(), 'utf8').replace('"bias"', '"weight"');
    writeFileSync(index(), text);
    await expectRefused(index(), '"weight" twice');
  });

  it('refuses a damaged file', async () => {
    writeFileSync(path(second), readFileSync(path(second)).subarray(0, -1));
    await expectRefused(path(second));
  });

  it('refuses a file of another kind, such as another index', async () => {
    copyFileSync(index(), path(second));
    await expectRefused(path(second), 'JSON');
  });

  for (const [what, text] of Object.entries({
    'other JSON': '{"layers": [1, 2]}',
    'a map that is an array': '{"weight_map": []}',
    'damaged JSON': '{"weight_map": {"weight": "a.safetensors"',
  })) {
    it(`refuses ${what}`, async () => {
      writeFileSync(index(), text);
      await expectRefused(index(), 'a safetensors file', 'JSON');
    });
  }

  it('refuses an index that is too large to parse', async () => {
    writeFileSync(index(), `{${' '.repeat(16 * 1024 * 1024)}}`);
    await expectRefused(index(), 'an index of at most 16777216 bytes');
  });
});
