import { recorded, graphsOf } from '../core/record.js';
import { backend } from '../backend/index.js';
import { wrongShape } from '../validation/errors.js';
import { elementCount, formatShape, type Shape } from '../core/shape.js';
import { Storage } from '../core/storage.js';
import type { Tape } from '../core/tape.js';
import { storageOf } from '../core/tensor.js';
import { readImageShape } from './image-shape.js';
import type { AnyTensor } from './operand.js';
import type { AxisPadding } from './padding.js';

/** The windows along one axis. */
export interface AxisWindows {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: AxisPadding;
  readonly dilation: number;
  /** Whether a last window that reaches beyond the padding counts, unless it begins there. */
  readonly ceilMode: boolean;
}

/** The windows over planes; signals are planes with one row. */
export interface Windows {
  /** Undefined for signals. */
  readonly rows: AxisWindows | undefined;
  readonly columns: AxisWindows;
}

/** The maximum of each window. */
export function maxPool(x: AnyTensor, windows: Windows): AnyTensor {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const { sizes, rows, columns, shape } = readWindows(x, windows);
  const arguments_ = [...sizes, rows.dilation, columns.dilation] as const;
  const input = storageOf(x);
  const output = Storage.take(elementCount(shape));
  backend.maxPool(...arguments_, input.named('x'), output.named('y'));
  return recorded<Shape, Tape>(graphs, inputs, shape, output, () => ({
    saved: [input, output],
    backward: (dy, accumulate) => {
      const dx = Storage.take(input.values.length);
      backend.maxPoolBackward(
        ...arguments_,
        input.named('x'),
        output.named('y'),
        dy.named('dy'),
        dx.named('dx'),
      );
      accumulate(0, dx);
    },
  }));
}

/**
 * The mean of each window.
 * @param countIncludePad Whether padding counts as zeros.
 */
export function avgPool(x: AnyTensor, windows: Windows, countIncludePad: boolean): AnyTensor {
  const inputs = [x];
  const graphs = graphsOf(inputs);
  const { sizes, rows, columns, shape } = readWindows(x, windows);
  const arguments_ = [...sizes, rows.padding.after, columns.padding.after, countIncludePad] as const;
  const input = storageOf(x);
  const n = input.values.length;
  const output = Storage.take(elementCount(shape));
  backend.avgPool(...arguments_, input.named('x'), output.named('y'));
  return recorded<Shape, Tape>(graphs, inputs, shape, output, () => ({
    saved: [],
    backward: (dy, accumulate) => {
      const dx = Storage.take(n);
      backend.avgPoolBackward(...arguments_, dy.named('dy'), dx.named('dx'));
      accumulate(0, dx);
    },
  }));
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

/** Windows over the only row of a signal. */
const oneRow: AxisWindows = {
  kernel: 1,
  stride: 1,
  padding: { before: 0, after: 0 },
  dilation: 1,
  ceilMode: false,
};

interface Pooling {
  /** The arguments with which the backend's operations begin. */
  readonly sizes: readonly [
    planes: number,
    height: number,
    width: number,
    outHeight: number,
    outWidth: number,
    kernelHeight: number,
    kernelWidth: number,
    strideHeight: number,
    strideWidth: number,
    paddingTop: number,
    paddingLeft: number,
  ];
  readonly rows: AxisWindows;
  readonly columns: AxisWindows;
  /** Of the result. */
  readonly shape: Shape;
}

/** @throws RangeError if x has another rank, or if not even one window fits. */
function readWindows(x: AnyTensor, windows: Windows): Pooling {
  const { rows = oneRow, columns } = windows;
  const { planes, height, width } =
    windows.rows === undefined ? readSignalPlanes(x.shape) : readImagePlanes(x.shape);
  const minHeight = minSize(rows);
  const minWidth = minSize(columns);
  if (height < minHeight || width < minWidth) {
    const expected =
      windows.rows === undefined
        ? `signals of at least ${minWidth} values`
        : `images of at least ${minHeight} x ${minWidth} pixels`;
    throw wrongShape('x', expected, `shape ${formatShape(x.shape)}`);
  }
  const outHeight = windowCount(height, rows);
  const outWidth = windowCount(width, columns);
  const shape =
    windows.rows === undefined
      ? [...x.shape.slice(0, -1), outWidth]
      : [...x.shape.slice(0, -2), outHeight, outWidth];
  return {
    sizes: [
      planes,
      height,
      width,
      outHeight,
      outWidth,
      rows.kernel,
      columns.kernel,
      rows.stride,
      columns.stride,
      rows.padding.before,
      columns.padding.before,
    ],
    rows,
    columns,
    shape: Object.freeze(shape),
  };
}

/** The channels of all samples. */
interface Planes {
  readonly planes: number;
  readonly height: number;
  readonly width: number;
}

function readImagePlanes(shape: Shape): Planes {
  const { images, channels } = readImageShape('x', shape);
  const [height, width] = shape.slice(-2);
  return { planes: images * channels, height, width };
}

/** @throws RangeError unless the shape is [C, L] or [N, C, L]. */
export function readSignalPlanes(shape: Shape): Planes {
  if (shape.length !== 2 && shape.length !== 3) {
    const expected = 'a 2D tensor [C, L] or a 3D tensor [N, C, L]';
    throw wrongShape('x', expected, `shape ${formatShape(shape)}`);
  }
  return { planes: elementCount(shape.slice(0, -1)), height: 1, width: shape[shape.length - 1] };
}

/** The size of the smallest axis that one window fits. */
function minSize({ kernel, dilation, padding: { before, after } }: AxisWindows): number {
  return Math.max(1, (kernel - 1) * dilation + 1 - before - after);
}

/** The number of windows along an axis, as PyTorch counts them. */
function windowCount(size: number, { kernel, stride, dilation, padding, ceilMode }: AxisWindows): number {
  const places = size + padding.before + padding.after - (kernel - 1) * dilation - 1;
  if (!ceilMode) return Math.floor(places / stride) + 1;
  // Windows begin in the axis or in the padding before it.
  return Math.min(Math.ceil(places / stride) + 1, Math.ceil((size + padding.before) / stride));
}
