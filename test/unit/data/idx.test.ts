import { truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { FileFormatError, type IdxValues, readIdx } from 'batchnorm';
import { expect } from 'chai';
import { idxBytes } from '../examples/idx-files.js';
import { expectRejection, type Untyped } from '../../support/errors.js';
import { seeded } from '../../support/random.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const shape = [2, 3, 4];
const values = Uint8Array.from({ length: 24 }, (_, i) => 10 * i);
const bytes = idxBytes(shape, values);

describe('readIdx', () => {
  const path = temporaryDirectory();
  const write = (content: Uint8Array): string => {
    writeFileSync(path('file'), content);
    return path('file');
  };
  const rejects = async (content: Uint8Array, axes: number | undefined, ...parts: string[]) => {
    const file = write(content);
    const options = axes === undefined ? {} : { axes };
    await expectRejection(readIdx(file, options), FileFormatError, file, ...parts);
  };

  for (const [kind, content] of [
    ['plain', bytes],
    ['gzipped', gzipSync(bytes)],
  ] as const) {
    it(`reads a ${kind} file of any name`, async () => {
      const array = await readIdx(write(content), { axes: 3 });
      expect(array.shape).to.deep.equal(shape);
      expect(array.values).to.be.instanceOf(Uint8Array);
      expect([...array.values]).to.deep.equal([...values]);
      expect((await readIdx(write(content))).shape).to.deep.equal(shape);
    });
  }

  const number = (write: (data: DataView) => void, length: number) => {
    const data = new DataView(new ArrayBuffer(length));
    write(data);
    return new Uint8Array(data.buffer);
  };
  const kinds: Record<keyof IdxValues, readonly [code: number, bytes: Uint8Array, value: number]> = {
    uint8: [0x08, Uint8Array.of(200), 200],
    int8: [0x09, Uint8Array.of(200), -56],
    int16: [0x0b, number((data) => data.setInt16(0, -300), 2), -300],
    int32: [0x0c, number((data) => data.setInt32(0, -70000), 4), -70000],
    float32: [0x0d, number((data) => data.setFloat32(0, 1.5), 4), 1.5],
    float64: [0x0e, number((data) => data.setFloat64(0, 0.1), 8), 0.1],
  };
  for (const [type, [code, content, value]] of Object.entries(kinds)) {
    it(`reads ${type}`, async () => {
      const file = write(idxBytes([1], content, code));
      const array = await readIdx(file, { type: type as keyof IdxValues });
      expect([...array.values]).to.deep.equal([value]);
    });
  }

  it('reads a file that arrives in many chunks', async () => {
    const many = Uint8Array.from({ length: 700_000 }, (_, i) => i % 251);
    for (const content of [idxBytes([700, 1000], many), gzipSync(idxBytes([700, 1000], many))]) {
      const array = await readIdx(write(content), { axes: 2 });
      expect(Buffer.compare(array.values, many)).to.equal(0);
    }
  });

  it('reads an array without values', async () => {
    const array = await readIdx(write(idxBytes([0], new Uint8Array())), { axes: 1 });
    expect(array.shape).to.deep.equal([0]);
    expect(array.values).to.have.length(0);
  });

  it('rejects a file that is not in IDX format', async () => {
    await rejects(Buffer.from('PNG image'), 3, 'two zero bytes', 'the bytes 504e4720');
    await rejects(Buffer.alloc(0), 3, 'two zero bytes', 'an empty file');
    await rejects(bytes.subarray(0, 1), 3, 'two zero bytes', '1 byte');
    await expectRejection(readIdx(path()), FileFormatError, 'an IDX file', 'a directory');
  });

  it('rejects values of another type', async () => {
    await rejects(idxBytes(shape, values, 0x0d), 3, 'Expected unsigned bytes', '32-bit floats');
    await rejects(idxBytes(shape, values, 0x77), 3, 'Expected unsigned bytes', 'unknown type 119');
    const wrong = readIdx(write(bytes), { type: 'float32' });
    await expectRejection(wrong, FileFormatError, 'Expected 32-bit floats', 'unsigned bytes');
  });

  it('rejects another number of axes', async () => {
    await rejects(bytes, 1, 'Expected 1 axis', 'found 3');
    await rejects(bytes, 2, 'Expected 2 axes', 'found 3');
  });

  it('rejects a header that ends early', async () => {
    await rejects(bytes.subarray(0, 15), 3, 'a header of 16 bytes', 'found 15 bytes');
  });

  it('rejects too few and too many values', async () => {
    await rejects(gzipSync(bytes.subarray(0, -1)), 3, 'Expected 24 values (2 x 3 x 4)', 'found 23');
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    await rejects(longer, 3, 'Expected 24 values', 'more than 24');
    await rejects(gzipSync(longer), 3, 'Expected 24 values', 'more than 24');
  });

  it('rejects sizes that the file cannot hold before it allocates memory for them', async () => {
    const huge = idxBytes([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], values);
    await rejects(huge, 3, '4294967295 x 4294967295 x 4294967295');
    const before = process.memoryUsage().arrayBuffers;
    const large = idxBytes([2 ** 29], values);
    await rejects(large, 1, `at most ${large.length} bytes`, '536870912');
    await rejects(gzipSync(large), 1, 'bytes of values', '536870912');
    expect(process.memoryUsage().arrayBuffers - before).to.be.below(2 ** 24);
  });

  it('rejects a small file that inflates to more than its header says, without inflating it', async () => {
    const bomb = gzipSync(Buffer.concat([bytes, Buffer.alloc(2 ** 26)]));
    const before = process.memoryUsage().rss;
    await rejects(bomb, 3, 'Expected 24 values', 'more than 24');
    expect(process.memoryUsage().rss - before).to.be.below(2 ** 25);
  });

  it('rejects damaged gzip data', async () => {
    const zipped = gzipSync(bytes);
    await rejects(zipped.subarray(0, -9), 3, 'Expected gzipped data', 'unexpected end of file');
    zipped[zipped.length - 8] ^= 1; // in the checksum
    await rejects(zipped, 3, 'Expected gzipped data', 'incorrect data check');
  });

  it('rejects files beyond maxBytes', async () => {
    const file = write(bytes);
    await expectRejection(
      readIdx(file, { maxBytes: 23 }),
      FileFormatError,
      file,
      'at most 23 bytes',
      '2 x 3 x 4',
    );
    expect((await readIdx(file, { maxBytes: 24 })).values).to.have.length(24);
    writeFileSync(path('sparse'), idxBytes([2 ** 31], new Uint8Array()));
    truncateSync(path('sparse'), 8 + 2 ** 31); // takes no space
    await expectRejection(readIdx(path('sparse')), FileFormatError, `at most ${2 ** 30} bytes`);
  });

  it('passes on errors of the file system unchanged', async () => {
    await expectRejection(readIdx(path('missing')), Error, 'ENOENT');
  });

  it('refuses invalid options by name', async () => {
    const read = (options: unknown) => (readIdx as Untyped)('file', options) as Promise<void>;
    await expectRejection((readIdx as Untyped)(5) as Promise<void>, TypeError, 'a path', '5');
    await expectRejection(read({ type: 'uint16' }), RangeError, 'for type', 'uint8', '"uint16"');
    await expectRejection(read({ type: 8 }), TypeError, 'for type', '8');
    await expectRejection(read({ axes: 0 }), RangeError, 'for axes', '0');
    await expectRejection(read({ axes: 256 }), RangeError, 'for axes', '256');
    await expectRejection(read({ maxBytes: -1 }), RangeError, 'for maxBytes', '-1');
    await expectRejection(read(3), TypeError, 'for options', '3');
    await expectRejection(read({ shape: 3 }), TypeError, 'type, axes, maxBytes', '"shape"');
  });

  // Every truncation or mutation either leaves a valid file with the right values or gives a FileFormatError.
  it('gives a FileFormatError for every truncation and mutation that does not leave a valid file', async () => {
    const rng = seeded(1);
    const any = (count: number) => Math.floor(rng() * count);
    let refused = 0;
    for (let round = 0; round < 600; round++) {
      const zip = any(2) === 1;
      let content = Buffer.from(bytes);
      for (let change = any(3); change > 0; change--) content[any(content.length)] = any(256);
      if (any(3) === 0) content = content.subarray(0, any(content.length + 1));
      let file = zip ? gzipSync(content) : content;
      if (any(4) === 0) file = file.subarray(0, any(file.length + 1));
      if (any(4) === 0 && file.length > 0) file[any(file.length)] ^= 1 << any(8);
      try {
        const array = await readIdx(write(file));
        const count = array.shape.reduce((product, size) => product * size, 1);
        expect(array.values.length, `round ${round}`).to.equal(count);
        const body = content.subarray(4 + 4 * array.shape.length);
        expect(Buffer.compare(array.values, body), `round ${round}`).to.equal(0);
      } catch (error) {
        refused++;
        expect(error, `round ${round}`).to.be.instanceOf(FileFormatError);
      }
    }
    expect(refused).to.be.within(200, 500);
  });
});
