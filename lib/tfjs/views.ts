import type { Shape } from '../core/shape.js';
import { sameShape } from '../core/shape.js';
import { rowMajorStrides, stridedCopy, type StridedView } from '../ops/strided-copy.js';
import { type Image, imageOf, planeStrides, shapeOf } from './layout.js';
import type { Call } from './kernel.js';
import type { TensorInfo } from './tensorflow.js';

/** The values of a tensor in the layout in which they are stored. */
export interface View extends StridedView {
  readonly values: Float32Array;
  /** The image whose planes these are; undefined for row-major values. */
  readonly image: Image | undefined;
}

/** The image whose planes are stored for a tensor of this shape, [N, H, W, C]. */
export function storedImage({ backend }: Call, tensor: TensorInfo): Image | undefined {
  const { image } = backend.dataOf(tensor);
  return image !== undefined && sameShape(tensor.shape, shapeOf(image)) ? image : undefined;
}

export function viewOf(call: Call, tensor: TensorInfo): View {
  const data = call.backend.dataOf(tensor);
  const image = storedImage(call, tensor);
  if (image !== undefined) return { values: data.planes(image), strides: planeStrides(image), image };
  return { values: data.floats(), strides: rowMajorStrides(tensor.shape), image };
}

/** The strides of a new tensor: those of planes if `planes` is true. */
export function outputLayout(shape: Shape, planes: boolean): Omit<View, 'values'> {
  if (!planes || shape.length !== 4) return { strides: rowMajorStrides(shape), image: undefined };
  const image = imageOf(shape);
  return { strides: planeStrides(image), image };
}

/** Copies a part of a tensor, whose first elements are at the given indices of `x` and of `y`. */
export function copyPart(
  sizes: Shape,
  x: StridedView,
  xBegin: readonly number[],
  y: StridedView,
  yBegin: readonly number[],
): void {
  stridedCopy(sizes, beginningAt(x, xBegin), beginningAt(y, yBegin));
}

function beginningAt(view: StridedView, begin: readonly number[]): StridedView {
  return { ...view, offset: begin.reduce((sum, index, axis) => sum + index * view.strides[axis], 0) };
}
