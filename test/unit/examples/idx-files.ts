import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { DataError } from '../../../examples/digits/data-error.js';

const UNSIGNED_BYTES = 0x08;

/** The bytes of an IDX file. */
export function idxBytes(shape: readonly number[], values: Uint8Array, type = UNSIGNED_BYTES) {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((size, axis) => header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, values]);
}

/** A directory that is deleted after the test. */
export class TemporaryDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'batchnorm-test-'));

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** The four files of MNIST with the given numbers of images of 4 x 3 pixels, the training files gzipped.
   * Every pixel of an image is 20 times its digit. */
  writeDigits(trainingImages: number, testImages: number): void {
    for (const [set, count] of [
      ['train', trainingImages],
      ['t10k', testImages],
    ] as const) {
      const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
      const pixels = Uint8Array.from({ length: count * 12 }, (_, i) => 20 * labels[Math.floor(i / 12)]);
      const images = idxBytes([count, 4, 3], pixels);
      if (set === 'train') this.write('train-images-idx3-ubyte.gz', gzipSync(images));
      else this.write('t10k-images.idx3-ubyte', images);
      this.write(`${set}-labels-idx1-ubyte`, idxBytes([count], labels));
    }
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Asserts that a promise is rejected with a DataError whose message names all of `parts`. */
export async function expectDataError(act: Promise<unknown>, ...parts: string[]): Promise<void> {
  const caught: unknown = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(caught, `a DataError with ${parts.join(' ... ')}`).to.be.instanceOf(DataError);
  for (const part of parts) expect((caught as Error).message).to.include(part);
}
