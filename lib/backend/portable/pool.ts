import { rangeError } from '../../validation/errors.js';
import type { Operations } from '../operations.js';

/** The windows along one axis; places are relative to the plane, whose values are at 0 to size - 1. */
interface Axis {
  readonly size: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
}

interface Planes {
  readonly count: number;
  readonly rows: Axis;
  readonly columns: Axis;
}

type PlaneSizes =
  Parameters<Operations['maxPool']> extends [
    ...infer Sizes extends number[],
    number,
    number,
    unknown,
    unknown,
  ]
    ? Sizes
    : never;

/** The arguments before the dilation or the further padding. */
const sizeCount = 11 satisfies PlaneSizes['length'];

/** @throws RangeError unless the padding is less than the kernel, and every window begins before the plane ends. */
function readPlanes(
  call: readonly [...PlaneSizes, ...unknown[]],
  dilationHeight: number,
  dilationWidth: number,
): Planes {
  const [count, height, width, outHeight, outWidth, kernelHeight, kernelWidth] = call;
  const [, , , , , , , strideHeight, strideWidth, paddingTop, paddingLeft] = call;
  const rows: Axis = {
    ...{ size: height, out: outHeight, kernel: kernelHeight, stride: strideHeight },
    ...{ dilation: dilationHeight, before: paddingTop },
  };
  const columns: Axis = {
    ...{ size: width, out: outWidth, kernel: kernelWidth, stride: strideWidth },
    ...{ dilation: dilationWidth, before: paddingLeft },
  };
  if (!fits(rows) || !fits(columns)) {
    throw rangeError(
      'ERR_BATCHNORM_SHAPE',
      'Expected windows that fit the planes for kernel, stride and padding',
    );
  }
  return { count, rows, columns };
}

function fits({ size, out, kernel, stride, dilation, before }: Axis): boolean {
  const positive = size > 0 && out > 0 && stride > 0 && dilation > 0;
  return positive && before < kernel && (out - 1) * stride < size + before;
}

/** The first value of a window in the plane, and the end of the window or of the plane. */
function rangeOf(axis: Axis, window: number): readonly [first: number, end: number] {
  const { size, kernel, stride, dilation, before } = axis;
  const start = window * stride - before;
  const first = start < 0 ? start + Math.ceil(-start / dilation) * dilation : start;
  return [first, Math.min(size, start + (kernel - 1) * dilation + 1)];
}

/**
 * Calls visit(index of the plane's first element in x, index of the window's result in y, first row and end, first column
 * and end) for every window.
 */
function eachWindow(
  { count, rows, columns }: Planes,
  visit: (x: number, y: number, top: number, bottom: number, left: number, right: number) => void,
): void {
  let y = 0;
  for (let plane = 0; plane < count; plane++) {
    for (let row = 0; row < rows.out; row++) {
      const [top, bottom] = rangeOf(rows, row);
      for (let column = 0; column < columns.out; column++) {
        const [left, right] = rangeOf(columns, column);
        visit(plane * rows.size * columns.size, y++, top, bottom, left, right);
      }
    }
  }
}

export const maxPool: Operations['maxPool'] = (...call) => {
  const [planes, dilationHeight, dilationWidth, x, y] = readMax(call);
  const width = planes.columns.size;
  eachWindow(planes, (plane, window, top, bottom, left, right) => {
    let largest = -Infinity;
    for (let row = top; row < bottom; row += dilationHeight) {
      const start = plane + row * width;
      for (let i = start + left; i < start + right; i += dilationWidth) {
        // A NaN becomes the maximum and stays it, because no value is larger.
        if (x[i] > largest || Number.isNaN(x[i])) largest = x[i];
      }
    }
    y[window] = largest;
  });
};

/** A window's gradient goes to its first maximum or NaN. */
export const maxPoolBackward: Operations['maxPoolBackward'] = (...call) => {
  const [planes, dilationHeight, dilationWidth, x, y, dy, dx] = readMax(call);
  const { count, rows, columns } = planes;
  dx.fill(0, 0, count * rows.size * columns.size);
  eachWindow(planes, (plane, window, top, bottom, left, right) => {
    const largest = y[window];
    for (let row = top; row < bottom; row += dilationHeight) {
      const start = plane + row * columns.size;
      for (let i = start + left; i < start + right; i += dilationWidth) {
        if (x[i] !== largest && !Number.isNaN(x[i])) continue;
        dx[i] += dy[window];
        return;
      }
    }
  });
};

function readMax<Arrays extends readonly unknown[]>(
  call: readonly [...PlaneSizes, number, number, ...Arrays],
): readonly [Planes, number, number, ...Arrays] {
  const [dilationHeight, dilationWidth, ...arrays] = call.slice(sizeCount) as [number, number, ...Arrays];
  return [readPlanes(call, dilationHeight, dilationWidth), dilationHeight, dilationWidth, ...arrays];
}

export const avgPool: Operations['avgPool'] = (...call) => {
  const [planes, countOf, x, y] = readAvg(call);
  const width = planes.columns.size;
  eachWindow(planes, (plane, window, top, bottom, left, right) => {
    let sum = 0;
    for (let row = top; row < bottom; row++) {
      for (let i = plane + row * width + left; i < plane + row * width + right; i++) sum += x[i];
    }
    y[window] = sum / countOf(window);
  });
};

export const avgPoolBackward: Operations['avgPoolBackward'] = (...call) => {
  const [planes, countOf, dy, dx] = readAvg(call);
  const { count, rows, columns } = planes;
  dx.fill(0, 0, count * rows.size * columns.size);
  eachWindow(planes, (plane, window, top, bottom, left, right) => {
    const part = dy[window] / countOf(window);
    for (let row = top; row < bottom; row++) {
      const start = plane + row * columns.size;
      for (let i = start + left; i < start + right; i++) dx[i] += part;
    }
  });
};

/** `countOf` returns the number of values by which a window's mean divides. */
function readAvg<Arrays extends readonly unknown[]>(
  call: readonly [...PlaneSizes, number, number, boolean, ...Arrays],
): readonly [Planes, countOf: (window: number) => number, ...Arrays] {
  type Rest = [number, number, boolean, ...Arrays];
  const [bottom, right, countIncludePad, ...arrays] = call.slice(sizeCount) as Rest;
  const planes = readPlanes(call, 1, 1);
  const counts = (axis: Axis, after: number): readonly number[] =>
    Array.from({ length: axis.out }, (_, window) => {
      const start = window * axis.stride - axis.before;
      const end = Math.min(start + axis.kernel, axis.size + (countIncludePad ? after : 0));
      return end - (countIncludePad ? start : Math.max(0, start));
    });
  const rows = counts(planes.rows, bottom);
  const columns = counts(planes.columns, right);
  const countOf = (window: number) =>
    rows[Math.floor(window / columns.length) % rows.length] * columns[window % columns.length];
  return [planes, countOf, ...arrays];
}
