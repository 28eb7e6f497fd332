import { storagePool } from '../../core/storage-pool.js';
import { areSizes, type Call, isFloats, type Kernel, type Kernels } from '../kernel.js';

/** Between which two of the inputs along an axis each output lies, and where: 0 at the first, 1 at the second. */
interface Positions {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly fraction: Float32Array;
}

/** The positions of resizeBilinear of TensorFlow.js 4. */
function positionsOf(
  inputs: number,
  outputs: number,
  alignCorners: boolean,
  halfPixelCenters: boolean,
): Positions {
  const aligned = alignCorners && outputs > 1;
  const scale = aligned ? (inputs - 1) / (outputs - 1) : inputs / outputs;
  const positions = {
    first: new Int32Array(outputs),
    second: new Int32Array(outputs),
    fraction: new Float32Array(outputs),
  };
  for (let i = 0; i < outputs; i++) {
    const position = halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
    positions.first[i] = Math.max(0, Math.floor(position));
    positions.second[i] = Math.min(inputs - 1, Math.ceil(position));
    positions.fraction[i] = position - positions.first[i];
  }
  return positions;
}

/** Resizes a row of `x`, whose first value is at `from`. */
function resizeRow(
  x: Float32Array,
  from: number,
  channels: number,
  columns: Positions,
  row: Float32Array,
): void {
  for (let i = 0, y = 0; i < columns.first.length; i++) {
    const left = from + columns.first[i] * channels;
    const right = from + columns.second[i] * channels;
    const fraction = columns.fraction[i];
    for (let c = 0; c < channels; c++, y++) {
      row[y] = x[left + c] + (x[right + c] - x[left + c]) * fraction;
    }
  }
}

/** Rows of images are read and written whole: each input row is resized once, and outputs lie between two of these. */
const resizeBilinear: Kernel = (call: Call) => {
  const { images } = call.inputs;
  const { alignCorners, halfPixelCenters, size } = call.attrs;
  if (!isFloats(images) || images.shape.length !== 4 || !Array.isArray(size) || size.length !== 2)
    return undefined;
  const [outHeight, outWidth] = size as readonly number[];
  const [count, height, width, channels] = images.shape;
  if (!areSizes(outHeight, outWidth) || outHeight * outWidth === 0) return undefined;
  const settings = [alignCorners === true, halfPixelCenters === true] as const;
  const rows = positionsOf(height, outHeight, ...settings);
  const columns = positionsOf(width, outWidth, ...settings);
  const x = call.backend.dataOf(images).floats();
  const shape = [count, outHeight, outWidth, channels];
  const length = outWidth * channels;
  const y = storagePool.take(count * outHeight * length);
  const resized = [0, 1].map(() => ({ of: -1, values: new Float32Array(length) }));
  const rowOf = (row: number) => {
    const slot = resized.find(({ of }) => of === row) ?? resized[row % 2];
    if (slot.of !== row) resizeRow(x, row * width * channels, channels, columns, slot.values);
    slot.of = row;
    return slot.values;
  };
  for (let image = 0, to = 0; image < count; image++) {
    for (let i = 0; i < outHeight; i++, to += length) {
      const top = rowOf(image * height + rows.first[i]);
      const bottom = rowOf(image * height + rows.second[i]);
      const fraction = rows.fraction[i];
      for (let j = 0; j < length; j++) y[to + j] = top[j] + (bottom[j] - top[j]) * fraction;
    }
  }
  return call.backend.output(shape, y, undefined);
};

export const resizeKernels: Kernels = { ResizeBilinear: resizeBilinear };
