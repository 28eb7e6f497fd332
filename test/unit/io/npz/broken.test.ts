import { readFileSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { BatchNorm2D, FileFormatError, Linear, loadNpz, NpzReader, Sequential, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { ZipFile } from 'yazl';
import { referencePath } from '../../../conformance/reference/read.js';
import { expectRejection, type Untyped } from '../../../support/errors.js';
import { seeded, values } from '../../../support/random.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

const archive = (name: string) => referencePath(`npz/${name}.npz`);
const untouched = JSON.stringify(new BatchNorm2D(3));

/**
 * Loading must fail with a message that contains all `parts`, and leave the layer unchanged, whether the archive is given by
 * its path or as bytes.
 */
async function expectRefused(path: string, ...parts: string[]): Promise<void> {
  const bn = new BatchNorm2D(3);
  await expectRejection(bn.load(path), FileFormatError, path, ...parts);
  await expectRejection(bn.load(readFileSync(path)), FileFormatError, 'the given bytes', ...parts);
  expect(JSON.stringify(bn)).to.equal(untouched);
}

function npy(header: string, data = Buffer.alloc(12), version = [1, 0]): Buffer {
  const length = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from(version),
    length,
    Buffer.from(header, 'latin1'),
    data,
  ]);
}
const goodHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";

interface EntryOptions {
  readonly compress?: boolean;
}

async function writeZip(
  path: string,
  entries: readonly (readonly [name: string, bytes: Buffer])[],
  { compress = false }: EntryOptions = {},
): Promise<string> {
  const zip = new ZipFile();
  for (const [name, bytes] of entries) zip.addBuffer(bytes, name, { compress });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

describe('load refuses and changes nothing:', () => {
  const path = temporaryDirectory();

  const wrong: Record<string, readonly string[]> = {
    pickled: ['bias.npy', 'floats, integers or booleans', 'pickled Python objects'],
    record: ['bias.npy', 'floats, integers or booleans', 'type [('],
    complex: ['bias.npy', 'floats, integers or booleans', "type '<c8'"],
    text: ['bias.npy', 'floats, integers or booleans', "type '<U1'"],
    'four-channels': ['running_mean.npy', 'shape [3]', 'found [4]'],
    matrix: ['scale.npy', 'shape [3]', 'found [3, 1]'],
    'too-large': ['bias.npy', 'range of float32', '1e+300 at 1'],
    missing: ['running_mean.npy', 'one entry', 'none'],
  };
  for (const [name, parts] of Object.entries(wrong)) {
    it(`numpy's ${name}`, () => expectRefused(archive(name), ...parts));
  }

  const headers: Record<string, readonly [header: string, ...parts: string[]]> = {
    'a header that is not a dictionary': ['hello', 'a header {...}', 'hello'],
    'a header without a shape': [
      "{'descr': '<f4', 'fortran_order': False, }",
      'descr, fortran_order and shape',
    ],
    'a header with an extra field': [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1, }",
      'these three fields',
    ],
    'a header with a repeated field': [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'shape': (3,), }",
      'each field of the header once',
      'shape twice',
    ],
    'an order that is not a boolean': [
      "{'descr': '<f4', 'fortran_order': 1, 'shape': (3,), }",
      'True or False',
      '1',
    ],
    'a negative size': [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
      'tuple of sizes',
      '(-3,)',
    ],
    'an enormous size': [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
      'below 2^53',
    ],
    'white space that Python does not accept': [
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\xa0\n",
      'these three fields',
    ],
    'a vertical tab': [
      "{'descr': '<f4',\v'fortran_order': False, 'shape': (3,), }\n",
      'descr, fortran_order',
    ],
    'two bytes of raw data': [
      "{'descr': '|V2', 'fortran_order': False, 'shape': (3,), }",
      'floats, integers or booleans',
      "'|V2'",
    ],
    'a float of 16 bytes': [
      "{'descr': '<f16', 'fortran_order': False, 'shape': (3,), }",
      'floats, integers or booleans',
      "'<f16'",
    ],
    'integers without a byte order': [
      "{'descr': '|i4', 'fortran_order': False, 'shape': (3,), }",
      'floats, integers or booleans',
      "'|i4'",
    ],
    'another type': [
      "{'descr': '|S4', 'fortran_order': False, 'shape': (3,), }",
      'floats, integers or booleans',
      "'|S4'",
    ],
  };
  for (const [name, [header, ...parts]] of Object.entries(headers)) {
    it(name, async () => {
      await expectRefused(await writeZip(path('a.npz'), [['scale.npy', npy(header)]]), 'scale.npy', ...parts);
    });
  }

  it('entries that are not arrays, too short or too long', async () => {
    const refused = async (bytes: Buffer, ...parts: string[]) =>
      expectRefused(await writeZip(path('b.npz'), [['scale.npy', bytes]]), 'scale.npy', ...parts);
    await refused(Buffer.from('no array at all'), '.npy', '6e6f');
    await refused(Buffer.alloc(0), '.npy');
    await refused(npy(goodHeader, Buffer.alloc(11)), '12 bytes', '11');
    await refused(npy(goodHeader, Buffer.alloc(16)), '12 bytes', '16');
    await refused(npy(goodHeader, Buffer.alloc(12), [4, 0]), '1.0 to 3.0', '4.0');
    const cut = npy(goodHeader).subarray(0, 40);
    await refused(cut, 'a header inside the entry', `${goodHeader.length} bytes`);
    const endless = npy('', Buffer.alloc(12), [2, 0]);
    endless.writeUInt32LE(0xffffffff, 8);
    await refused(endless, 'a header inside the entry', '4294967295');
  });

  it('a small file that inflates to a large one, before inflating it', async () => {
    const bomb = npy(goodHeader, Buffer.alloc(64 * 1024 * 1024));
    const file = await writeZip(path('bomb.npz'), [['scale.npy', bomb]], { compress: true });
    expect(readFileSync(file).length).to.be.below(100_000);
    const before = process.memoryUsage.rss();
    await expectRefused(file, 'scale.npy', 'at most', String(bomb.length));
    expect(process.memoryUsage.rss() - before).to.be.below(32 * 1024 * 1024);
  });

  it('an entry with a wrong uncompressed size', async () => {
    const bomb = npy(goodHeader, Buffer.alloc(1024 * 1024));
    const file = await writeZip(path('liar.npz'), [['scale.npy', bomb]], { compress: true });
    const bytes = readFileSync(file);
    const central = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
    bytes.writeUInt32LE(200, central + 24);
    writeFileSync(file, bytes);
    await expectRefused(file, 'scale.npy', 'intact data', 'damage');
  });

  it('a wrong checksum', async () => {
    const file = await writeZip(path('crc.npz'), [['scale.npy', npy(goodHeader)]]);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf(goodHeader) + goodHeader.length + 2] ^= 0x10;
    writeFileSync(file, bytes);
    await expectRefused(file, 'scale.npy', 'the checksum');
  });

  it('two entries of the same name', async () => {
    const twice = ['scale.npy', npy(goodHeader)] as const;
    const file = await writeZip(path('twice.npz'), [twice, twice]);
    await expectRefused(file, 'scale.npy', 'one entry', 'several');
  });

  it('settings out of range', async () => {
    const bn = new BatchNorm2D(3);
    const number = (value: number) => {
      const data = Buffer.alloc(8);
      data.writeDoubleLE(value);
      return npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", data);
    };
    const tensors = ['scale', 'bias', 'running_mean', 'running_var'].map(
      (name) => [`${name}.npy`, npy(goodHeader)] as const,
    );
    const refused = async (name: string, value: number, ...parts: string[]) =>
      expectRefused(await writeZip(path('c.npz'), [...tensors, [name, number(value)]]), name, ...parts);
    await refused('epsilon.npy', -1, 'a positive finite number', '-1');
    await refused('epsilon.npy', NaN, 'a positive finite number', 'NaN');
    await refused('momentum.npy', 1.5, '0 to 1', '1.5');
    await refused('num_batches_tracked.npy', -1, 'a number of batches', '-1');
    await bn.load(await writeZip(path('d.npz'), [...tensors, ['epsilon.npy', number(2)]]));
    expect(bn.epsilon).to.equal(2);
  });

  it('a file that is not an archive', async () => {
    writeFileSync(path('text.npz'), 'hello');
    await expectRefused(path('text.npz'), 'a zip archive', 'the bytes 68656c6c6f');
    writeFileSync(path('empty.npz'), '');
    await expectRefused(path('empty.npz'), 'a zip archive');
    await expectRejection(new BatchNorm2D(3).load(path()), FileFormatError, 'an .npz file', 'a directory');
    await expectRejection(new BatchNorm2D(3).load(path('nowhere.npz')), Error, 'ENOENT');
  });

  it('a path or module of the wrong type', async () => {
    const bn = new BatchNorm2D(3);
    const load = bn.load.bind(bn) as Untyped;
    await expectRejection(load(undefined) as Promise<void>, TypeError, 'a path', 'undefined');
    await expectRejection(load('a\0b') as Promise<void>, RangeError, 'a path');
    await expectRejection(
      (loadNpz as Untyped)(archive('savez'), []) as Promise<void>,
      TypeError,
      'read() for module',
    );
  });

  it('any file with one flipped bit, unless it gives the same values', async function () {
    this.timeout(120_000);
    const saved = new BatchNorm2D(3, { epsilon: 1e-3, momentum: 0.5 });
    for (const [, tensor] of saved.parameters()) tensor.data.set(values(seeded(1), 3));
    await saved.save(path('whole.npz'));
    const whole = readFileSync(path('whole.npz'));
    const right = JSON.stringify(saved);
    // Without epsilon and momentum: an optional entry with a damaged name looks like a missing one.
    const withoutSettings = (json: string) => json.replace(/"epsilon".*"scale"/, '"scale"');
    const everyBit = process.env.BATCHNORM_TEST_LONG === '1';
    let refused = 0;
    for (let bit = 0; bit < 8 * whole.length; bit += everyBit ? 1 : 7) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      writeFileSync(path('flipped.npz'), bytes);
      const bn = new BatchNorm2D(3);
      // By turns as a file and as bytes, which other code reads.
      const error: unknown = await bn.load(bit % 2 === 0 ? path('flipped.npz') : bytes).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      if (error === undefined) {
        expect(withoutSettings(JSON.stringify(bn)), `bit ${bit}`).to.equal(withoutSettings(right));
        expect(bn.epsilon, `bit ${bit}`).to.be.oneOf([1e-3, 1e-5]);
        expect(bn.momentum, `bit ${bit}`).to.be.oneOf([0.5, 0.1]);
      } else {
        refused++;
        expect(error, `bit ${bit}`).to.be.instanceOf(FileFormatError);
        expect(JSON.stringify(bn), `bit ${bit}`).to.equal(untouched);
      }
    }
    expect(refused).to.be.greaterThan(whole.length / 4);
  });

  it('any truncated file', async () => {
    await new BatchNorm2D(3).save(path('whole.npz'));
    const whole = readFileSync(path('whole.npz'));
    for (let length = 0; length < whole.length; length += 13) {
      writeFileSync(path('cut.npz'), whole.subarray(0, length));
      await expectRefused(path('cut.npz'));
    }
  });

  it('networks in which a later layer does not fit', async () => {
    const net = new Sequential(new BatchNorm2D(2), new BatchNorm2D(2));
    net.layers[0].scale.data.fill(5);
    await net.save(path('two.npz'));
    const layers = [new BatchNorm2D(2), new BatchNorm2D(3)];
    const other = Reflect.construct(Sequential, layers) as unknown as typeof net;
    await expectRejection(other.load(path('two.npz')), FileFormatError, '1.scale.npy', '[3]', '[2]');
    expect(other.layers[0].scale.array()).to.deep.equal([1, 1]);
  });

  it('networks with a missing or an extra layer, naming the first difference', async () => {
    const net = new Sequential(new BatchNorm2D(2), new BatchNorm2D(2));
    await net.save(path('layers.npz'));
    const shorter = new Sequential(new BatchNorm2D(2));
    shorter.layers[0].scale.data.fill(5);
    await expectRejection(
      shorter.load(path('layers.npz')),
      FileFormatError,
      "no entries besides the module's",
      '"1.scale.npy" and 5 more',
    );
    expect(shorter.layers[0].scale.array()).to.deep.equal([5, 5]);
    await shorter.load(path('layers.npz'), { extra: 'ignore' });
    expect(shorter.layers[0].scale.array()).to.deep.equal([1, 1]);
    const longer = new Sequential(new BatchNorm2D(2), new BatchNorm2D(2), new BatchNorm2D(2));
    await expectRejection(longer.load(path('layers.npz')), FileFormatError, '"2.scale.npy"', 'none');
    const load = loadNpz as Untyped;
    await expectRejection(
      load(path('layers.npz'), net, { extra: 'keep' }) as Promise<void>,
      RangeError,
      'for extra',
      '"keep"',
    );
    await expectRejection(
      load(path('layers.npz'), net, { extra: 1 }) as Promise<void>,
      TypeError,
      'for extra',
      '1',
    );
    await expectRejection(
      load(path('layers.npz'), net, { strickt: true }) as Promise<void>,
      TypeError,
      '"strickt"',
    );
  });

  it('a failing part, which undoes the parts read in parallel', async () => {
    const [good, bad] = [new BatchNorm2D(3), new BatchNorm2D(4)];
    const module = {
      read: (zip: NpzReader) =>
        zip.transaction(async () => {
          await Promise.all([good.read(zip, ''), bad.read(zip, '')]);
        }),
    };
    await expectRejection(loadNpz(archive('savez'), module), FileFormatError, 'scale.npy');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(JSON.stringify(good)).to.equal(untouched);
  });

  it('but lets a module continue after a missing part', async () => {
    const linear = new Linear(4, 3);
    const norm = new BatchNorm2D(3);
    await loadNpz(archive('savez'), {
      read: async (zip) => {
        await linear.read(zip, '').catch(() => undefined);
        await norm.read(zip, '');
      },
    });
    expect(norm.scale.array()).to.deep.equal([1.5, -2.25, 0.125]);
  });

  it('reads a tensor and a number outside a module', async () => {
    const zip = await NpzReader.open(archive('extra'));
    const scale = Tensor.zeros([3]);
    await zip.tensor('scale.npy', scale);
    expect(scale.array()).to.deep.equal([1.5, -2.25, 0.125]);
    expect(await zip.number('epsilon.npy')).to.equal(1e-3);
    expect(zip.has('objects.npy')).to.equal(true);
    expect(zip.names).to.include('zzz.npy');
    await expectRejection(
      (zip.tensor as Untyped).call(zip, 'scale.npy', [1]) as Promise<void>,
      TypeError,
      'a Tensor for tensor',
    );
    zip.close();
  });
});
