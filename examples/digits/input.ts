import type { NpzReader, NpzWriter, Resumable } from 'batchnorm';
import { type Brightness, brightnessOf, type Images } from './dataset.js';

/**
 * What a network was trained to see: the size of its images and what their pixels are normalized with. A checkpoint
 * holds it, so that whoever loads the network shows it the same.
 */
export class Input implements Resumable {
  rows = 0;
  columns = 0;
  brightness: Brightness = { mean: 0, deviation: 1 };

  /** What the training images are. */
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
