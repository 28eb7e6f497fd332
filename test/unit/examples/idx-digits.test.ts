import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { imageAt, type Images } from '../../../examples/digits/dataset.js';
import { readDigits } from '../../../examples/digits/idx-digits.js';
import { randomStream } from '../../../examples/digits/random.js';
import { expectDataError, idxBytes, TemporaryDirectory } from './idx-files.js';

describe('readDigits', () => {
  let directory: TemporaryDirectory;
  beforeEach(() => {
    directory = new TemporaryDirectory();
    directory.writeDigits(60, 20);
  });
  afterEach(() => directory.remove());

  const read = (limit = Infinity) => readDigits(directory.path, limit, randomStream(1, 'validation'));
  const rejects = (...parts: string[]) => expectDataError(read(), ...parts);

  function expectLabelsToFit(images: Images): void {
    expect([images.rows, images.columns]).to.deep.equal([4, 3]);
    for (let i = 0; i < images.count; i++) {
      const expected = Array<number>(12).fill(20 * images.labels[i]);
      expect([...imageAt(images, i)]).to.deep.equal(expected);
    }
  }

  it('keeps a sixth of the training images for validation', async () => {
    const { training, validation, test } = await read();
    expect([training.count, validation.count, test.count]).to.deep.equal([50, 10, 20]);
    for (const images of [training, validation, test]) expectLabelsToFit(images);
    const used = [...training.labels, ...validation.labels].sort();
    expect(used).to.deep.equal(Array.from({ length: 60 }, (_, i) => Math.floor(i / 6)));
  });

  it('uses only the requested number of training images', async () => {
    const { training, validation } = await read(15);
    expect([training.count, validation.count]).to.deep.equal([15, 10]);
    expectLabelsToFit(training);
  });

  it('splits at random, reproducibly for the same generator', async () => {
    const [a, b] = [await read(), await read()];
    expect([...a.training.labels]).to.deep.equal([...b.training.labels]);
    expect([...a.training.labels]).not.to.deep.equal([...a.training.labels].sort());
  });

  it('rejects a missing directory or one without the files', async () => {
    rmSync(join(directory.path, 't10k-labels-idx1-ubyte'));
    await rejects('t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz', directory.path, 'found neither');
    const missing = join(directory.path, 'missing');
    await expectDataError(readDigits(missing, Infinity, Math.random), 'train-images-idx3-ubyte', missing);
  });

  it('rejects different numbers of labels and images', async () => {
    directory.write('train-labels-idx1-ubyte', idxBytes([59], new Uint8Array(59)));
    await rejects('Expected 60 labels', 'train-labels-idx1-ubyte', 'found 59');
  });

  it('rejects a label that is not a digit', async () => {
    const labels = new Uint8Array(20);
    labels[7] = 10;
    directory.write('t10k-labels-idx1-ubyte', idxBytes([20], labels));
    await rejects('labels from 0 to 9', 't10k-labels-idx1-ubyte', 'found 10 at position 7');
  });

  it('rejects images without pixels', async () => {
    directory.write('t10k-images-idx3-ubyte', idxBytes([20, 0, 3], new Uint8Array()));
    await rejects('images with pixels', 't10k-images-idx3-ubyte', 'found 0 x 3');
  });

  it('rejects test images whose size differs from the training images', async () => {
    directory.write('t10k-images-idx3-ubyte', idxBytes([20, 3, 4], new Uint8Array(240)));
    await rejects('test images of 4 x 3 pixels', 'found 3 x 4');
  });

  it('rejects too few images to split', async () => {
    directory.writeDigits(11, 20);
    await rejects('at least 12 training images and a test image', 'found 11 and 20');
    directory.writeDigits(12, 0);
    await rejects('found 12 and 0');
  });
});
