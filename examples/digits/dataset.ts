/** Grey images of one size, row by row, and the digit on each. */
export interface Images {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  /** [count, rows, columns], 0 for black. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

export const CLASSES = 10;

export interface Digits {
  /** Where they come from, for the reader of the output. */
  readonly source: string;
  readonly training: Images;
  /** Chooses the learning rate and shows the progress, so that the test images have no part in either. */
  readonly validation: Images;
  readonly test: Images;
}

/** Mean and deviation of the training images: what all images are normalized with. */
export interface Brightness {
  readonly mean: number;
  readonly deviation: number;
}

/** Both networks see normalized images: the one without batch norm is not made to work with raw pixels. */
export function brightnessOf({ pixels }: Images): Brightness {
  let sum = 0;
  for (const byte of pixels) sum += byte;
  const mean = sum / pixels.length;
  let squares = 0;
  for (const byte of pixels) squares += (byte - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / pixels.length) || 1 };
}

/** What a `DataLoader` takes. */
export function datasetOf({ pixels, labels, rows, columns }: Images, brightness: Brightness) {
  return { features: pixels, shape: [1, rows, columns] as const, labels, ...brightness };
}

export function imageAt(images: Images, index: number): Uint8Array {
  const size = images.rows * images.columns;
  return images.pixels.subarray(index * size, (index + 1) * size);
}

/** The images with these numbers, in this order. */
export function select(images: Images, indices: Uint32Array): Images {
  const size = images.rows * images.columns;
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => {
    pixels.set(imageAt(images, index), i * size);
  });
  return {
    ...images,
    count: indices.length,
    pixels,
    labels: Uint8Array.from(indices, (index) => images.labels[index]),
  };
}
