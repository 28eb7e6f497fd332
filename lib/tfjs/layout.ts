import { stridedCopy } from '../ops/strided-copy.js';

// TensorFlow.js stores images as [N, H, W, C]; our kernels compute planes, [N, C, H, W]. Results of our kernels stay planes
// until a kernel that does not know this reads their values.

/** The sizes of a tensor of images, [N, H, W, C] for TensorFlow.js. */
export interface Image {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export function imageOf([images, height, width, channels]: readonly number[]): Image {
  return { images, height, width, channels };
}

export function shapeOf({ images, height, width, channels }: Image): number[] {
  return [images, height, width, channels];
}

export function isSameImage(a: Image, b: Image): boolean {
  const sameSize = a.images === b.images && a.channels === b.channels;
  return sameSize && a.height === b.height && a.width === b.width;
}

/** Whether both layouts are the same memory. */
export function hasOneLayout({ height, width, channels }: Image): boolean {
  return channels === 1 || height * width === 1;
}

/** The strides along N, H, W and C of an image that is stored as planes. */
export function planeStrides({ height, width, channels }: Image): number[] {
  const plane = height * width;
  return [channels * plane, width, 1, plane];
}

/** planes = [N, C, H, W] from rows = [N, H, W, C]. */
export function rowsToPlanes(rows: Float32Array, planes: Float32Array, image: Image): void {
  const { images, channels } = image;
  const plane = image.height * image.width;
  stridedCopy(
    [images, channels, plane],
    { values: rows, strides: [channels * plane, 1, channels] },
    { values: planes, strides: [channels * plane, plane, 1] },
  );
}

/** rows = [N, H, W, C] from planes = [N, C, H, W]. */
export function planesToRows(planes: Float32Array, rows: Float32Array, image: Image): void {
  const { images, channels } = image;
  const plane = image.height * image.width;
  stridedCopy(
    [images, plane, channels],
    { values: planes, strides: [channels * plane, 1, plane] },
    { values: rows, strides: [channels * plane, channels, 1] },
  );
}
