/** Grayscale images of one size, row-major, and their digits. */
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
  /** The origin of the images, for the output. */
  readonly source: string;
  readonly training: Images;
  /** Used for choosing the learning rate and showing progress, so that the test images influence neither. */
  readonly validation: Images;
  readonly test: Images;
}

/** Mean and deviation of the training images, with which all images are normalized. */
export interface Brightness {
  readonly mean: number;
  readonly deviation: number;
}

/** Both networks get normalized images, so that the one without batch norm is not handicapped by raw pixels. */
export function brightnessOf({ pixels }: Images): Brightness {
  let sum = 0;
  for (const byte of pixels) sum += byte;
  const mean = sum / pixels.length;
  let squares = 0;
  for (const byte of pixels) squares += (byte - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / pixels.length) || 1 };
}

/** The dataset of a `DataLoader`. */
export function datasetOf({ pixels, labels, rows, columns }: Images, brightness: Brightness) {
  return { features: pixels, shape: [1, rows, columns] as const, labels, ...brightness };
}

export function imageAt(images: Images, index: number): Uint8Array {
  const size = images.rows * images.columns;
  return images.pixels.subarray(index * size, (index + 1) * size);
}

/** The images with these indices, in this order. */
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
