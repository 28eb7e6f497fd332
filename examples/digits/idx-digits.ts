import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type RandomSource, readIdx } from 'batchnorm';
import { DataError } from './data-error.js';
import { CLASSES, type Digits, type Images, select } from './dataset.js';
import { shuffledIndices } from './random.js';

/** One of this many training images is kept for validation. */
const VALIDATION_PART = 6;
/** Fewer images would leave none for training or validation. */
const MIN_TRAINING_IMAGES = 2 * VALIDATION_PART;

/**
 * Reads MNIST, or a set of digits in the same four files, from a directory.
 *
 * @param limit Maximum number of training images to train with.
 * @throws DataError, or FileFormatError if a file is not an IDX file, with the file, the expected and the found value.
 */
export async function readDigits(directory: string, limit: number, rng: RandomSource): Promise<Digits> {
  const all = await readImages(directory, 'train');
  const test = await readImages(directory, 't10k');
  if (test.rows !== all.rows || test.columns !== all.columns) {
    throw new DataError(
      `Expected test images of ${size(all)} pixels like the training images in ${directory} but found ${size(test)}`,
    );
  }
  if (all.count < MIN_TRAINING_IMAGES || test.count === 0) {
    throw new DataError(
      `Expected at least ${MIN_TRAINING_IMAGES} training images and a test image in ${directory} but found ${all.count} and ${test.count}`,
    );
  }

  const order = shuffledIndices(all.count, rng);
  const validationCount = Math.floor(all.count / VALIDATION_PART);
  return {
    source: directory,
    training: select(all, order.subarray(validationCount, validationCount + limit)),
    validation: select(all, order.subarray(0, validationCount)),
    test,
  };
}

async function readImages(directory: string, set: 'train' | 't10k'): Promise<Images> {
  const imagePath = await find(directory, `${set}-images`, 'idx3-ubyte');
  const labelPath = await find(directory, `${set}-labels`, 'idx1-ubyte');
  const images = await readIdx(imagePath, { axes: 3 });
  const labels = await readIdx(labelPath, { axes: 1 });

  const [count, rows, columns] = images.shape;
  if (rows === 0 || columns === 0) {
    throw new DataError(`Expected images with pixels in ${imagePath} but found ${rows} x ${columns}`);
  }
  if (labels.shape[0] !== count) {
    throw new DataError(
      `Expected ${count} labels, one for each image, in ${labelPath} but found ${labels.shape[0]}`,
    );
  }
  const wrong = labels.values.findIndex((label) => label >= CLASSES);
  if (wrong >= 0) {
    throw new DataError(
      `Expected labels from 0 to ${CLASSES - 1} in ${labelPath} but found ${labels.values[wrong]} at position ${wrong}`,
    );
  }
  return { count, rows, columns, pixels: images.values, labels: labels.values };
}

/** Finds `stem-idx3-ubyte`, or the name with a dot that some archivers write, both optionally gzipped. */
async function find(directory: string, stem: string, ending: string): Promise<string> {
  const names = ['-', '.'].flatMap((mark) => [stem + mark + ending, `${stem}${mark}${ending}.gz`]);
  for (const name of names) {
    const path = join(directory, name);
    try {
      await access(path);
      return path;
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  throw new DataError(`Expected ${names[0]} or ${names[1]} in ${directory} but found neither`);
}

function size({ rows, columns }: Images): string {
  return `${rows} x ${columns}`;
}
