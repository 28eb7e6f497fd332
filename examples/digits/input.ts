import type { NpzReader, NpzWriter, Resumable } from 'batchnorm';
import { type Brightness, brightnessOf, type Images } from './dataset.js';

/**
 * The input format of a network: the size of its images and the normalization of their pixels. It is part of
 * checkpoints, so that a loaded network gets the same input.
 */
export class Input implements Resumable {
  rows = 0;
  columns = 0;
  brightness: Brightness = { mean: 0, deviation: 1 };

  /** The input format of the training images. */
  static of(images: Images): Input {
    const input = new Input();
    input.rows = images.rows;
    input.columns = images.columns;
    input.brightness = brightnessOf(images);
    return input;
  }

  write(zip: NpzWriter, prefix: string): void {
    zip.numbers(`${prefix}size.npy`, [this.rows, this.columns]);
    zip.numbers(`${prefix}brightness.npy`, [this.brightness.mean, this.brightness.deviation]);
  }

  async read(zip: NpzReader, prefix: string): Promise<void> {
    const [rows, columns] = await zip.numbers(`${prefix}size.npy`, 2);
    const [mean, deviation] = await zip.numbers(`${prefix}brightness.npy`, 2);
    zip.change(() => {
      this.rows = rows;
      this.columns = columns;
      this.brightness = { mean, deviation };
    });
  }
}
