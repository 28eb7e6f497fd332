import { wrongShape } from '../validation/errors.js';
import { formatShape, type Shape } from '../core/shape.js';

/** A CHW or NCHW shape as batch normalization sees it: `plane` is H * W, and a CHW tensor is one image. */
export interface ImageShape {
  readonly images: number;
  readonly channels: number;
  readonly plane: number;
}

/**
 * Parses the shape of images.
 * @throws RangeError if it is neither [C, H, W] nor [N, C, H, W].
 */
export function readImageShape(argument: string, shape: Shape): ImageShape {
  if (shape.length === 3) {
    return { images: 1, channels: shape[0], plane: shape[1] * shape[2] };
  }
  if (shape.length === 4) {
    return { images: shape[0], channels: shape[1], plane: shape[2] * shape[3] };
  }
  throw wrongShape(
    argument,
    'a 3D tensor [C, H, W] or a 4D tensor [N, C, H, W]',
    `shape ${formatShape(shape)}`,
  );
}

/**
 * Checks that there are at least two values per channel for training: the unbiased variance divides by their
 * number minus one.
 * @throws RangeError if there are fewer.
 */
export function requireBatch(argument: string, { images, plane }: ImageShape, shape: Shape): void {
  const count = images * plane;
  if (count >= 2) return;
  throw wrongShape(
    argument,
    'at least two values per channel in training',
    `${count === 0 ? 'an empty batch' : 'one'} (shape ${formatShape(shape)})`,
  );
}
