import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import { wrongShape } from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { isTaped, storageOf, Tensor } from '../core/tensor.js';
import { div } from './arithmetic.js';
import { readImageShape } from './image-shape.js';
import type { AnyTensor } from './operand.js';

/** Windows of kernel x kernel pixels, `stride` apart, over images with `padding` around them. */
export interface Windows {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
}

/** The maximum of each window. */
export function maxPool(x: AnyTensor, windows: Windows): AnyTensor {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const { arguments: sizes, shape } = readWindows(x, windows);
  const input = storageOf(x);
  const output = Storage.take(elementCount(shape));
  backend.maxPool(...sizes, input.named('x'), output.named('y'));
  return recorded<Shape, Tape>(graphs, inputs, shape, output, () => ({
    saved: [input, output],
    backward: (dy, accumulate) => {
      const dx = Storage.take(input.values.length);
      backend.maxPoolBackward(...sizes, input.named('x'), output.named('y'), dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
}

/** The sum of each window divided by kernel^2; padding counts as zeros. */
export function avgPool(x: AnyTensor, windows: Windows): AnyTensor {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const { arguments: sizes, shape } = readWindows(x, windows);
  const input = storageOf(x);
  const n = input.values.length;
  const output = Storage.take(elementCount(shape));
  backend.avgPool(...sizes, input.named('x'), output.named('y'));
  return recorded<Shape, Tape>(graphs, inputs, shape, output, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      backend.avgPoolBackward(...sizes, dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
}

/** The mean of the pixels in each window, without the padding. */
export function avgPoolOfPixels(x: AnyTensor, windows: Windows): AnyTensor {
  const sums = avgPool(x, windows);
  // The share of each window that lies in the image.
  const coverage = avgPool(Tensor.ones([1, ...x.shape.slice(-2)]), windows);
  const result = div(sums, coverage);
  coverage.dispose();
  if (!isTaped(sums)) sums.dispose();
  return result;
}

/** The mean of each channel of each image. */
export function avgPoolGlobal(x: AnyTensor): AnyTensor {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const { images, channels, plane } = readImageShape('x', x.shape);
  if (plane === 0) throw wrongShape('x', 'at least one pixel', `shape ${formatShape(x.shape)}`);
  const rows = images * channels;
  const input = storageOf(x);
  const output = Storage.take(rows);
  backend.rowMeans(rows, plane, input.named('x'), output.named('means'));
  const shape = Object.freeze(x.shape.slice(0, -2));
  return recorded<Shape, Tape>(graphs, inputs, shape, output, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(rows * plane);
      backend.rowMeansBackward(rows, plane, dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
}

/** The arguments of the backend, and the shape of the result. */
interface Pooling {
  readonly arguments: readonly [
    planes: number,
    height: number,
    width: number,
    kernel: number,
    stride: number,
    padding: number,
  ];
  readonly shape: Shape;
}

/** @throws RangeError if x does not contain images, or if not even one window fits. */
function readWindows(x: AnyTensor, { kernelSize: kernel, stride, padding }: Windows): Pooling {
  const { images, channels } = readImageShape('x', x.shape);
  const [height, width] = x.shape.slice(-2);
  const minSize = Math.max(1, kernel - 2 * padding);
  if (height < minSize || width < minSize) {
    throw wrongShape(
      'x',
      `images of at least ${minSize} x ${minSize} pixels`,
      `shape ${formatShape(x.shape)}`,
    );
  }
  const windowsOf = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  const shape = [...x.shape.slice(0, -2), windowsOf(height), windowsOf(width)];
  return {
    arguments: [images * channels, height, width, kernel, stride, padding],
    shape: Object.freeze(shape),
  };
}
