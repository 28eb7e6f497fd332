import { Tensor } from 'batchnorm';
import { imageAt, type Images } from './dataset.js';
import type { ImageBatch } from './model.js';

/** Images as tensors, and the labels that belong to them. */
export interface Batch {
  readonly images: ImageBatch;
  readonly labels: Uint8Array;
}

/**
 * Turns bytes into numbers so that those of the training images have mean 0 and deviation 1. Both
 * networks see the same numbers: the one without batch norm is not made to work with raw pixels.
 */
export class Batcher {
  readonly #valueOfByte: Float32Array;

  constructor({ pixels }: Images) {
    let sum = 0;
    for (const byte of pixels) sum += byte;
    const mean = sum / pixels.length;
    let squares = 0;
    for (const byte of pixels) squares += (byte - mean) ** 2;
    const deviation = Math.sqrt(squares / pixels.length) || 1;
    this.#valueOfByte = Float32Array.from({ length: 256 }, (_, byte) => (byte - mean) / deviation);
  }

  /** The images with these numbers. */
  batch(images: Images, indices: Uint32Array): Batch {
    const { rows, columns } = images;
    const values = new Float32Array(indices.length * rows * columns);
    let next = 0;
    for (const index of indices) {
      for (const byte of imageAt(images, index)) values[next++] = this.#valueOfByte[byte];
    }
    return {
      images: Tensor.adopt(values, [indices.length, 1, rows, columns]),
      labels: Uint8Array.from(indices, (index) => images.labels[index]),
    };
  }
}
