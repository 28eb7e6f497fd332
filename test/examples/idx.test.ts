import { truncateSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { MAX_BYTES, readIdx } from '../../examples/digits/idx.js';
import { expectDataError, idxBytes, TemporaryDirectory } from './idx-files.js';

const shape = [2, 3, 4];
const values = Uint8Array.from({ length: 24 }, (_, i) => 10 * i);
const bytes = idxBytes(shape, values);

describe('readIdx', () => {
  let directory: TemporaryDirectory;
  beforeEach(() => {
    directory = new TemporaryDirectory();
  });
  afterEach(() => directory.remove());

  const rejects = async (content: Uint8Array, axes: number, ...parts: string[]) => {
    const path = directory.write('file', content);
    await expectDataError(readIdx(path, axes), path, ...parts);
  };

  for (const [kind, content] of [
    ['plain', bytes],
    ['gzipped', gzipSync(bytes)],
  ] as const) {
    it(`reads a ${kind} file, whatever its name`, async () => {
      const array = await readIdx(directory.write('file', content), 3);
      expect(array.shape).to.deep.equal(shape);
      expect([...array.values]).to.deep.equal([...values]);
    });
  }

  it('reads an array without values', async () => {
    const array = await readIdx(directory.write('file', idxBytes([0], new Uint8Array())), 1);
    expect(array.shape).to.deep.equal([0]);
    expect(array.values).to.have.length(0);
  });

  it('rejects what is no IDX file', async () => {
    await rejects(Buffer.from('PNG image'), 3, 'two zero bytes', 'the bytes 504e4720');
    await rejects(Buffer.alloc(0), 3, 'two zero bytes', '0 bytes');
    await rejects(bytes.subarray(0, 1), 3, 'two zero bytes', '1 byte');
  });

  it('rejects values of another type', async () => {
    await rejects(idxBytes(shape, values, 0x0d), 3, 'Expected unsigned bytes', '32-bit floats');
    await rejects(idxBytes(shape, values, 0x77), 3, 'Expected unsigned bytes', 'unknown type 119');
  });

  it('rejects another number of axes', async () => {
    await rejects(bytes, 1, 'Expected 1 axis', 'found 3');
    await rejects(bytes, 2, 'Expected 2 axes', 'found 3');
  });

  it('rejects a header that ends early', async () => {
    await rejects(bytes.subarray(0, 15), 3, 'a header of 16 bytes', 'only 15');
  });

  it('rejects too few and too many values', async () => {
    await rejects(bytes.subarray(0, -1), 3, 'Expected 24 values (2 x 3 x 4)', 'found 23');
    await rejects(Buffer.concat([bytes, Buffer.alloc(1)]), 3, 'Expected 24 values', 'found 25');
  });

  it('rejects sizes whose product is beyond all memory', async () => {
    const huge = idxBytes([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], values);
    await rejects(huge, 3, '4294967295 x 4294967295 x 4294967295', 'found 24');
  });

  it('rejects damaged gzip data', async () => {
    const zipped = gzipSync(bytes);
    await rejects(zipped.subarray(0, -9), 3, 'Expected gzipped data', 'unexpected end of file');
    zipped[zipped.length - 8] ^= 1; // in the checksum
    await rejects(zipped, 3, 'Expected gzipped data', 'incorrect data check');
  });

  it('rejects a file that is larger than the limit, without reading it', async () => {
    const path = directory.write('file', bytes);
    truncateSync(path, MAX_BYTES + 1); // sparse: takes no space
    await expectDataError(readIdx(path, 3), path, `at most ${MAX_BYTES} bytes`);
  });

  it('leaves the errors of the file system as they are', async () => {
    const path = directory.write('file', bytes);
    const error: unknown = await readIdx(`${path}-missing`, 3).catch((caught: unknown) => caught);
    expect((error as NodeJS.ErrnoException).code).to.equal('ENOENT');
  });
});
